"""The importance page says what explaining a window takes before it begins, and where the compared rows are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from parcels_seed import DAY, FIRST, Seeded
from streamlit.testing.v1 import AppTest

import app
from app.data import costs
from app.data.costs import backgrounds, cost_in_words
from explain.cost import Cost, WindowCost
from explain.windows import WindowAsked
from monitor.types import Explanation, Window

ASKED = WindowAsked(model="parcels", window=Window(FIRST + 2 * DAY, FIRST + 3 * DAY), rows=10)
FOUND = Explanation(
    id="e", model="a/b](x", version="1", inference_id="r", method="shapley", output="p", link="identity",
    base_value=0.0, prediction=0.0, attributions={}, values={}, quality={}, standard_errors=None, seed=0,
    model_hash="", background_hash="", settings={}, seconds=0.1, created=datetime(2013, 1, 1, tzinfo=UTC),
)  # fmt: skip


def captions(**query: str) -> list[str]:
    """Return what the importance page of the parcels says below its buttons and charts."""
    page = AppTest.from_file(str(Path(app.__file__).parent / "main.py"), default_timeout=120)
    for key, value in {"model": "parcels", **query}.items():
        page.query_params[key] = value
    page.run()
    page.switch_page("views/importance.py")
    for key, value in {"model": "parcels", **query}.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception
    return [str(each.value) for each in page.caption]


def test_the_page_says_what_its_button_would_take(seeded: Seeded) -> None:
    said = "\n".join(captions())
    assert "100 rows by " in said
    assert " take at most " in said
    assert "The registered model file is asked, here." in said
    assert seeded.runtime.explain.tasks.listed("parcels") == []


def test_the_page_links_the_rows_that_were_compared_with(seeded: Seeded) -> None:
    seeded.runtime.explain.windows.start(ASKED).over.result(120)
    found = seeded.runtime.store.explanations.sample("parcels", ASKED.window)
    ((source, address),) = backgrounds(found)
    assert source.startswith("reference of version")
    kept = seeded.runtime.store.backgrounds.get("parcels", address.rpartition("/")[2])
    assert kept.rows == found[0].quality["background_rows"]
    start, end = (f"{each:%Y-%m-%d}" for each in (FIRST + DAY, FIRST + 4 * DAY))
    assert any(f"({address})" in said for said in captions(start=start, end=end))
    assert cost_in_words(ASKED).endswith("nothing is asked again.")


def test_a_window_without_rows_costs_nothing_and_says_so(seeded: Seeded) -> None:
    empty = replace(ASKED, window=Window(FIRST - timedelta(days=900), FIRST - timedelta(days=899)))
    assert "no row of" in cost_in_words(empty)


def test_requests_to_somebodys_endpoint_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Cost(
        method="shapley", chosen_because="", target="endpoint", rows=21_800, requests=218, concurrency=4, cached=False
    )
    told = WindowCost(explanations=10, rows=218_000, requests=2_180, one=one)
    explain = SimpleNamespace(windows=SimpleNamespace(cost=lambda _: told))
    monkeypatch.setattr(costs, "runtime", lambda: SimpleNamespace(explain=explain))
    monkeypatch.setattr(costs, "titled", lambda _: "Shapley <b>")
    costs.cost_in_words.clear()
    said = cost_in_words(replace(ASKED, rows=11))
    assert said == (
        r":material/warning: 10 rows by Shapley \<b\> take at most 218 k answers (21,800 each); those explained before "
        "take none. The served endpoint is asked, in 2,180 requests, 4 at a time."
    )


def test_names_are_quoted_in_addresses_and_captured_rows_have_none(seeded: Seeded) -> None:
    of_reference = {"background_source": "reference of version 1"}
    found = [
        replace(FOUND, quality={"background_source": "captured rows of version 1"}, background_hash="a"),
        replace(FOUND, quality=of_reference, background_hash="b"),
        replace(FOUND, quality=of_reference, background_hash="b"),
    ]
    ((source, address),) = backgrounds(found)
    assert source == "reference of version 1"
    assert address.endswith("/v1/models/a%2Fb%5D%28x/backgrounds/b")
