"""Where a person is, as addresses carry it; and text made safe."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import streamlit
from markdown_it import MarkdownIt

from app.place import SPANS, Place, read_moment, read_window, span_window
from app.prose import safe
from app.shell import GONE, SCRIPT, STYLE, rooted
from monitor.types import Window

NOW = datetime(2024, 5, 11, 14, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("span", SPANS)
def test_a_span_is_whole_days_before_midnight_and_today_so_far(span: str) -> None:
    window = span_window(span, NOW, None)
    assert window.end == datetime(2024, 5, 11, 15, tzinfo=UTC)
    assert window.start == datetime(2024, 5, 11, tzinfo=UTC) - SPANS[span] * DAY


def test_old_traffic_is_shown_at_its_own_end_and_recent_traffic_at_ours() -> None:
    old = datetime(2013, 12, 31, tzinfo=UTC)
    assert span_window("7d", NOW, old) == Window(old - 7 * DAY, old)
    assert span_window("7d", NOW, NOW - 2 * DAY).end > NOW


def test_an_address_gives_back_the_place_it_was_made_of() -> None:
    exact = Place("m", Window(NOW - DAY, NOW), version="2", segment="carrier=UA", span=None)
    assert read_window(exact.query(), NOW, None) == (None, exact.window)
    spanned = Place("m", span_window("7d", NOW, None), span="7d")
    assert read_window(spanned.query(), NOW, None) == ("7d", spanned.window)
    assert "segment" not in spanned.query()


@pytest.mark.parametrize("given", [{"window": "5y"}, {"start": "soon", "end": "later"}, {"start": "2024-02-01"}, {}])
def test_what_cannot_be_read_falls_back(given: dict[str, str]) -> None:
    assert read_window(given, NOW, None)[0] == "30d"


def test_a_window_that_ends_before_it_starts_falls_back() -> None:
    assert read_window({"start": "2024-02-02", "end": "2024-02-01"}, NOW, None)[0] == "30d"


def test_moments_without_a_zone_are_utc() -> None:
    assert read_moment("2024-05-01T02:00:00+02:00") == read_moment("2024-05-01") == datetime(2024, 5, 1, tzinfo=UTC)


HOSTILE = [
    "![x](http://evil/p.png)",
    "[pay](http://evil)",
    "<img src=x onerror=alert(1)>",
    "`code` **bold** _it_ ~~s~~",
    "# heading",
    "http://evil.example/a and www.evil.example and a@b.example",
    "&lt;b&gt;",
    "1. list\n- item\n| a | b |",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_captured_text_makes_no_markup_images_or_links(text: str) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(safe(text))
    body = html.strip().removeprefix("<p>").removesuffix("</p>")
    assert "<" not in body
    assert not re.search(r"://\w|www\.|@\w", body)  # what a renderer would turn into links by itself


@pytest.mark.parametrize("text", [":red[x]", ":material/home:", "$x^2$", ":smile:"])
def test_captured_text_makes_no_directives_icons_or_formulas(text: str) -> None:
    assert all(mark not in safe(text).replace("\\:", "").replace("\\$", "") for mark in ":$")


def test_long_text_is_cut() -> None:
    assert len(safe("x" * 300, 80)) == 80


async def _page(scope, receive, send) -> None:
    html = b"<!DOCTYPE html><html><head><title>Streamlit</title></head><body></body></html>"
    kind = b"text/html" if "." not in scope["path"] else b"text/javascript"
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", kind), (b"content-length", str(len(html)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": html[:20], "more_body": True})
    await send({"type": "http.response.body", "body": html[20:]})


def test_the_page_names_the_backend_and_other_files_pass_unchanged() -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(rooted(_page)), base_url="http://localhost"
        ) as client:
            page = await client.get("/model?model=x")
            assert SCRIPT + GONE + STYLE in page.content
            assert "<title>Watchglass</title>" in page.text
            assert int(page.headers["content-length"]) == len(page.content)
            assert SCRIPT not in (await client.get("/static/js/index.js")).content

    asyncio.run(ask())


def test_what_is_said_of_a_server_that_is_gone_replaces_what_streamlit_would_say() -> None:
    """Another release may say it in other words: then this must be put right."""
    before = re.search(rb"startsWith\('(.*?)'\)", GONE)
    assert before is not None
    scripts = (Path(streamlit.__file__).parent / "static" / "static" / "js").glob("index.*.js")
    assert any(before[1] in script.read_bytes() for script in scripts)
