"""The commands about alerts: listed with who was told and why; put to sleep, taken for normal; rules tried."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import cli
from app.demo.processes import free_port
from monitor.alerts.incidents import DETECTOR, METRIC, incident_id
from monitor.detection import Incident, State
from monitor.schema import schema_from_dict
from monitor.store import Store
from monitor.store.detections import Snapshot
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Settings, Severity, Window

START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST, SECOND = (incident_id("flights", "1", START + place * DAY) for place in (0, 1))
BECAUSE = "In the digest because nothing is known to be harmed."


def _alert(name: str, place: int, *, paged: bool) -> Alert:
    start = START + place * DAY
    return Alert(
        id=name,
        model="flights",
        version="1",
        rule=DETECTOR,
        severity=Severity.CRITICAL if paged else Severity.WARNING,
        state=AlertState.FIRING,
        metric=METRIC,
        feature="temp",
        segment=ALL,
        title=f"Temperature moved on day {place}",
        body="x\nhttp://here",
        link="http://here",
        value=1.0,
        threshold=1.0,
        window=Window(start, start + DAY),
        since=start,
        updated=start + DAY,
        columns=("temp",),
        paged=paged,
        because="Paged because it is a hard fault." if paged else BECAUSE,
    )


@pytest.fixture
def watchglass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., SimpleNamespace]:
    """Run a command on a store with two open incidents and three days of drift."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WATCHGLASS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WATCHGLASS_PORT", str(free_port()))
    schema = {"model": "flights", "task": "regression", "features": [{"name": "temp", "kind": "numeric"}]}
    with Store.open(tmp_path / "watchglass_data" / "watchglass.duckdb") as store:
        now = datetime.now(UTC)
        store.catalog.put_model(
            Model(name="flights", schema=schema_from_dict(schema), settings=Settings(), created=now)
        )
        held = tuple(Incident(START + place * DAY, "drift", ("temp",)) for place in (0, 1))
        store.detections.put("flights", Snapshot("1", START + 2 * DAY, "basis", State({}, held).to_json()))
        store.alerts.put(_alert(FIRST, 0, paged=False))
        store.alerts.put(_alert(SECOND, 1, paged=True))
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        windows = [Window(today - back * DAY, today - (back - 1) * DAY) for back in (9, 8, 7, 6)]
        store.measurements.put(
            [
                Measurement(
                    model="flights",
                    version="1",
                    metric="drift.psi",
                    feature="temp",
                    window=window,
                    value=value,
                    rows=100,
                )
                for window, value in zip(windows, (0.1, 0.9, 0.8, 0.1), strict=True)
            ]
        )

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["watchglass", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=out, err=err)

    return run


def test_alerts_are_listed_with_the_reason_why_somebody_was_told(watchglass) -> None:
    every = watchglass("alerts")
    assert every.code == 0
    assert f"{FIRST}  2024-05-01  firing    warning   flights: Temperature moved on day 0\n    {BECAUSE}" in every.out
    assert SECOND in every.out
    assert [each["id"] for each in json.loads(watchglass("alerts", "--told", "digest", "--json").out)] == [FIRST]
    assert [each["id"] for each in json.loads(watchglass("alerts", "--told", "page", "--json").out)] == [SECOND]
    assert watchglass("alerts", "--state", "resolved").out == "No alerts.\n"


def test_an_incident_sleeps_or_is_the_new_normal(watchglass) -> None:
    assert "Asleep until" in watchglass("snooze", FIRST, "--days", "3", "--who", "ann").out
    told = json.loads(watchglass("rebaseline", SECOND, "--who", "bob", "--json").out)
    assert (told["alert"]["state"], told["history"][-1]["who"]) == ("resolved", "bob")
    again = watchglass("snooze", SECOND)
    assert again.code == cli.FAILED
    assert "only an open incident" in again.err


def test_what_cannot_be_done_says_what_can(watchglass) -> None:
    assert "There is no alert" in watchglass("snooze", "nobody").err
    assert "give one of them" in watchglass("snooze", FIRST, "--days", "1", "--until", "2030-01-01").err
    assert "one of --dial and --rule" in watchglass("try", "flights").err
    assert "no file that can be read" in watchglass("try", "flights", "--rule", "nowhere.json").err
    assert "is no JSON" in watchglass("try", "flights", "--rule", "{").err
    assert "no reference yet" in watchglass("try", "flights", "--dial", "1").err


def test_a_rule_is_tried_on_the_past_from_text_or_a_file(watchglass, tmp_path: Path) -> None:
    rule = json.dumps({"name": "psi", "metric": "drift.psi", "threshold": 0.5})
    (tmp_path / "rule.json").write_text(rule)
    for given in (rule, "rule.json"):
        told = watchglass("try", "flights", "--rule", given)
        assert told.code == 0, told.err
        assert told.out.startswith("Rule psi would have fired once in ")
        assert told.out.splitlines()[1] == "Told at once: 1; with the digest: 0."
        assert "page    warning" in told.out.splitlines()[2]
    assert json.loads(watchglass("try", "flights", "--rule", rule, "--json").out)["fired"] == 1
