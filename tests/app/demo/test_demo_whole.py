"""The whole demo on two days, twice: every process, every step, and the same answers each time."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from app.demo import data
from app.demo.processes import family, free_port
from app.demo.replay import run
from app.demo.show import Show
from app.demo.story import midnight, short
from monitor.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIELDS = (
    *("predictions", "labels", "stored", "duplicate", "rejected", "dropped", "measurements"),
    *("alerts_fired", "alerts_delivered", "explanations", "report", "accuracy", "seconds", "peak_pss_mb"),
)


def played(directory: Path) -> dict:
    # A port of its own: on the usual one a command line under test elsewhere would take this server for its own.
    return run(once=True, directory=directory, port=free_port(), story=short(2), show=Show(Console(file=io.StringIO())))


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[dict, Path]:
    directory = tmp_path_factory.mktemp("first") / "demo"
    return played(directory), directory


def kept(directory: Path) -> tuple[list[tuple], dict[tuple, object]]:
    """What is in the store of a finished demo: its alerts, and its measurements but for those of time taken."""
    store = Store.open(directory / "store" / "watchglass.duckdb")
    try:
        alerts = sorted((each.id, each.title, each.value, each.state) for each in store.alerts.query(model="flights"))
        measured = {
            (each.window.start, each.metric, each.version, each.segment, each.feature): (each.value, each.rows)
            for each in store.measurements.query("flights")
            if not each.metric.startswith("traffic.latency")
        }
    finally:
        store.close()
    return alerts, measured


def test_nothing_is_lost_and_everything_is_summed_up(first) -> None:
    summary, _ = first
    story = short(2)
    flights = data.between(midnight(story.first), midnight(story.until))
    assert tuple(summary) == FIELDS
    json.dumps(summary, allow_nan=False)
    assert summary["predictions"] == summary["stored"] == flights.num_rows
    assert summary["labels"] == flights.num_rows - flights["arr_delay"].null_count
    assert summary["duplicate"] == summary["rejected"] == summary["dropped"] == 0
    assert summary["measurements"] > 100
    assert set(summary["accuracy"]) == {"1", "2"}
    assert 100 < summary["peak_pss_mb"] < 3000


def test_the_fault_is_told_to_its_owner_in_plain_units(first) -> None:
    summary, directory = first
    assert summary["alerts_fired"] == summary["alerts_delivered"] >= 1
    titles = [title for _, title, _, _ in kept(directory)[0]]
    assert any("Delay at the airport" in title and "min" in title for title in titles)


def test_explanations_add_up_to_what_is_served(first) -> None:
    shap, lime = first[0]["explanations"]
    assert (shap["method"], lime["method"]) == ("shap", "lime")
    total = shap["base_value"] + sum(shap["attributions"].values())
    assert total == pytest.approx(shap["served_again"], abs=1e-4)
    assert lime["prediction"] == pytest.approx(lime["served_again"], abs=1e-4)
    assert set(shap["attributions"]) == set(data.COLUMNS)
    assert max(shap["attributions"], key=shap["attributions"].get) == "airport_delay"


def test_the_report_is_a_page_of_its_own(first) -> None:
    page = Path(first[0]["report"])
    assert page.is_absolute()
    assert "<html" in page.read_text()[:500].lower()


def test_no_process_is_left_and_nothing_is_written_elsewhere(first) -> None:
    _, directory = first
    assert all(b"serve" not in Path(f"/proc/{process}/cmdline").read_bytes() for process in family(os.getpid())[1:])
    assert {path.name for path in directory.iterdir()} == {
        *(".watchglass-demo", "logs", "models", "store", "tmp", "watchglass.toml")
    }
    assert not list((directory / "tmp").glob("*.duckdb"))


def test_a_second_run_gives_the_same_alerts_and_attributions(first, tmp_path) -> None:
    summary, directory = first
    again = played(tmp_path / "demo")
    assert kept(tmp_path / "demo") == kept(directory)
    for one, other in zip(summary["explanations"], again["explanations"], strict=True):
        assert {key: one[key] for key in one if key != "seconds"} == {
            key: other[key] for key in one if key != "seconds"
        }
    for name in ("predictions", "labels", "stored", "accuracy", "alerts_fired"):
        assert summary[name] == again[name]
