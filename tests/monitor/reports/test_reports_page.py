"""Reports: self-contained, true, and inert against hostile names and values; Evidently is kept at arm's length."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from wg_world import SCHEMA, World, bend

from monitor.alerts.rules import plain_rules
from monitor.errors import Unavailable
from monitor.jobs.report import ReportJob
from monitor.reports import second_opinion, write_report
from monitor.reports.evidently_page import confined
from monitor.reports.sample import harmless, harmless_names, prepare
from monitor.types import Feature, Kind, LedgerLine, Report

EVIL = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
HOSTILE = replace(
    SCHEMA,
    features=(
        *(replace(feature, title=feature.name + EVIL, unit="<b>mi</b>") for feature in SCHEMA.features),
        Feature(name="new </script><script>window.hacked=1</script>", kind=Kind.CATEGORICAL),
    ),
)


class Elements(HTMLParser):
    """Counts elements and event handlers, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Report, str]]:
    """A week with a unit change, written with Evidently's page."""
    folder = tmp_path_factory.mktemp("reports")
    world = World(rows=200, schema=HOSTILE, rules=plain_rules(), data_dir=folder)
    scheduler = world.scheduler()
    for day in range(7):
        odd = {"visib": bend(lambda values: values * 1.609)} if day == 5 else {}
        hostile = bend(lambda values: np.where(np.arange(len(values)) % 9 == 0, EVIL, values))
        batch = world.day(day, origin=hostile, **odd)  # type: ignore[arg-type]
        world.label(batch)
        world.advance(day + 1)
        scheduler.tick()
    ledger = [LedgerLine(model="flights", source=EVIL, outcome="rejected", reason="bad", rows=7)]
    world.store.rows.commit("flights", None, None, ledger)
    report = write_report(world.context, world.model, world.window(0, 7), folder / "reports")
    yield world, report, Path(report.path).read_text(encoding="utf-8")
    world.store.close()


def test_the_page_says_what_happened_and_is_registered(week: tuple[World, Report, str]) -> None:
    world, report, text = week
    assert world.store.reports.query("flights") == [report]
    assert Path(report.path).is_absolute()
    for words in (
        "1,400 predictions",
        "In short",
        "values above anything seen in the reference",
        "AUC realised",
        "100.0 %",
        "Traffic and latency",
        "7 of 7 rows are not in these figures",
        "Evidently&#x27;s data drift report",
        "empty (no values in the reference)",
        "tail (id columns are not compared)",
    ):
        assert words in text, words


def test_worst_drift_comes_first(week: tuple[World, Report, str]) -> None:
    text = week[2]
    drift = text[text.index("<h2>Drift</h2>") : text.index("<h2>Data quality</h2>")]
    assert drift.index("visib") < drift.index("temp")
    assert drift.count('data-figure="') == 5


def test_hostile_names_and_values_add_no_element(week: tuple[World, Report, str]) -> None:
    found = Elements(week[2])
    assert found.tags.count("script") == 3
    assert "img" not in found.tags
    assert "b" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not [
        value for name, value in found.attributes if name in {"src", "srcset"} or "javascript:" in (value or "")
    ]


def test_only_the_pages_own_scripts_may_run_and_nothing_is_fetched(week: tuple[World, Report, str]) -> None:
    text = week[2]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    for script in scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert len(scripts) == policy.count("sha256-") == 2, "plotly's script is there once, and ours"


def test_figures_are_data_that_cannot_leave_their_element(week: tuple[World, Report, str]) -> None:
    (data,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', week[2], flags=re.DOTALL)
    assert not set("<>&") & set(data)
    figures = json.loads(data)
    assert all({"light", "dark"} == set(figure) for figure in figures)
    assert "<script" not in json.dumps(figures), "plotly obeys some markup in texts: names in figures are escaped too"


def test_evidentlys_page_is_harmless_and_confined(week: tuple[World, Report, str]) -> None:
    page = (Path(week[1].path).parent / "evidently.html").read_text(encoding="utf-8")
    assert "window.hacked" in page, "the values are there"
    assert "<script>window.hacked" not in page
    assert "<img src=x" not in page
    assert "default-src 'none'" in page.split("<script", 1)[0]


def test_without_traffic_or_reference_the_page_says_so(tmp_path: Path) -> None:
    world = World(reference_days=0, data_dir=tmp_path)
    report = write_report(world.context, world.model, world.window(0, 7), tmp_path)
    text = Path(report.path).read_text(encoding="utf-8")
    for words in ("No prediction was captured", "No alert was open", "Not enough data", "there are no reference rows"):
        assert words in text


def test_the_weekly_job_writes_one_where_reports_are_kept(tmp_path: Path) -> None:
    world = World(reference_days=0, data_dir=tmp_path)
    assert ReportJob().run(world.context, world.model, world.window(0, ReportJob.windows)) == []
    (report,) = world.store.reports.query("flights")
    assert Path(report.path).is_relative_to(tmp_path / "reports")
    assert report.window == world.window(0, 7)


def test_a_report_written_again_replaces_the_first(tmp_path: Path) -> None:
    world = World(data_dir=tmp_path)
    world.day(0)
    one = write_report(world.context, world.model, world.window(0), tmp_path, evidently=False)
    world.advance(3)
    two = write_report(world.context, world.model, world.window(0), tmp_path, evidently=False)
    assert one.id == two.id
    assert [each.created for each in world.store.reports.query()] == [world.clock.now()]


@pytest.mark.parametrize(
    ("script", "words", "seconds"),
    [
        ("raise SystemExit(3)", "ended with code 3", 300),
        ("raise RuntimeError('boom')", "RuntimeError: boom", 300),
        ("import time; time.sleep(300)", "longer than 1 s", 1),
    ],
)
def test_when_evidentlys_process_fails_the_page_says_so_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str, seconds: int
) -> None:
    world = World(data_dir=tmp_path, reference_days=2)
    world.day(0)
    start = subprocess.Popen
    monkeypatch.setattr(second_opinion, "TIMEOUT_S", seconds)
    monkeypatch.setattr(
        second_opinion.subprocess, "Popen", lambda _, **kwargs: start([sys.executable, "-c", script], **kwargs)
    )
    report = write_report(world.context, world.model, world.window(0), tmp_path)
    text = Path(report.path).read_text(encoding="utf-8")
    assert "Evidently&#x27;s report was not made" in text
    assert words.replace("'", "&#x27;") in text


def test_a_server_that_stops_ends_the_process_and_makes_the_report_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(data_dir=tmp_path, reference_days=2)
    world.day(0)
    children: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def stop(_: object, **kwargs: object) -> subprocess.Popen[bytes]:
        children.append(start([sys.executable, "-c", "import time; time.sleep(60)"], **kwargs))  # type: ignore[call-overload]
        world.context.stopping.set()
        return children[0]

    monkeypatch.setattr(second_opinion.subprocess, "Popen", stop)
    with pytest.raises(Unavailable, match="after the next start"):
        write_report(world.context, world.model, world.window(0), tmp_path)
    assert children[0].returncode == -9
    assert world.store.reports.query() == []


def test_without_the_packages_that_draw_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(reference_days=0)
    monkeypatch.delitem(sys.modules, "monitor.reports.compose", raising=False)
    monkeypatch.setitem(sys.modules, "monitor.reports.page", None)
    with pytest.raises(Unavailable, match=r"pip install 'watchglass\[reports\]'"):
        write_report(world.context, world.model, world.window(0), tmp_path)


def test_importing_reports_loads_neither_plotly_nor_evidently() -> None:
    heavy = "('plotly', 'evidently', 'pandas')"
    code = f"import sys, monitor.reports, monitor.scheduler; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_sampled_names_stay_apart_and_values_lose_markup() -> None:
    assert len(set(harmless_names(["a<", "a‹", "a‹ (2)", "x" * 100, "x" * 101]).values())) == 5
    assert not set("<>&\"'`\\[]\n\u202e") & set(harmless("<>&\"'`\\[]\n\u202e"))
    rows = pa.table({"n": [1.0, float("nan"), float("inf")], "c": ["<a>", None, "b"]})
    assert prepare(rows, ["n"], ["c"], {"n": "n", "c": "c"}).to_pydict() == {
        "n": [1.0, None, None],
        "c": ["‹a›", None, "b"],
    }


def test_a_confined_page_names_each_of_its_scripts() -> None:
    page = confined(
        "<html><head><title>x</title></head><body><script>a()</script><script type='module'>b()</script></body>"
    )
    assert page.count("sha256-") == 2
    assert page.index("Content-Security-Policy") < page.index("<title>")
