"""The detector over HTTP: dial and calendar are set, tried and obeyed; incidents are told, snoozed, re-baselined."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.runtime import Runtime

START = datetime(2013, 6, 10, tzinfo=UTC)
M = "/v1/models/flights"
DAYS, ROWS, CHANGED = 7, 120, 2


def frame(days: range, *, warmer: float = 0.0) -> dict[str, Any]:
    """Some days of flights; from `CHANGED` on they are warmer."""
    rng = np.random.default_rng(days.start + 1000)
    day = np.repeat(np.array(days), ROWS)
    return {
        "id": [f"f{each}" for each in range(days.start * ROWS, days.stop * ROWS)],
        "time": [START + timedelta(days=int(each), minutes=place % ROWS) for place, each in enumerate(day)],
        "temp": rng.normal(20, 5, len(day)) + np.where(day >= CHANGED, warmer, 0.0),
        "carrier": rng.choice(["AA", "UA"], len(day)),
        "score": rng.beta(2, 5, len(day)),
    }


def reference() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(frame(range(-40, 0))), buffer)
    return buffer.getvalue()


@pytest.fixture
def world(flights: Any, runtime: Runtime):
    """Forty days of reference, and seven days captured and judged; from the third on it is 4 °C warmer."""
    runtime.ingest.start()
    answer = flights(
        "POST",
        f"{M}/versions/1/reference?time=time&id=id&scores=score",
        content=reference(),
        headers={"content-type": "application/vnd.apache.parquet"},
    )
    assert answer.status_code < 300, answer.text
    made = frame(range(DAYS), warmer=4.0)
    for first in range(0, DAYS * ROWS, ROWS):
        part = {name: values[first : first + ROWS] for name, values in made.items()}
        rows = [
            {"id": key, "time": at.isoformat(), "features": {"temp": temp, "carrier": carrier}, "scores": [score]}
            for key, at, temp, carrier, score in zip(*part.values(), strict=True)
        ]
        flights("PUT", "/v1/clock", json={"now": (made["time"][first] + timedelta(days=1)).isoformat()})
        assert flights("POST", f"{M}/inferences", json=rows).status_code == 200
    flights("PUT", "/v1/clock", json={"now": (START + timedelta(days=DAYS)).isoformat()})
    yield flights
    runtime.ingest.stop()


def incidents(api: Any) -> list[dict[str, Any]]:
    found = api("GET", "/v1/alerts?model=flights").json()["alerts"]
    return sorted((each for each in found if each["rule"] == "detector"), key=lambda each: each["since"])


def set_dial(api: Any, dial: float | None, **more: object) -> Any:
    return api("PUT", M, json={"settings": {"owner": "ops@example.com", "dial": dial, **more}})


def test_a_dial_is_tried_then_saved_and_then_raises_what_was_said(world) -> None:
    assert world("POST", "/v1/run", json={}).json()["failures"] == 0
    (told,) = incidents(world)
    assert told["columns"] == ["temp"]
    assert told["calibrated"] is True
    assert "sd higher than in the reference" in told["title"]
    for dial in (0.02, 1.0, 20.0):
        tried = world("POST", f"{M}/rules/trial", json={"dial": dial}).json()
        assert set_dial(world, dial).status_code == 200
        played = world("POST", f"{M}/detection/backfill").json()
        assert played["alarms"] == tried["alarms"]
        assert tried["fired"] == len(tried["dates"]) == played["fired"]
        times = "once" if tried["fired"] == 1 else f"{tried['fired']} times"
        assert tried["said"] == f"At dial {dial:g} the detector would have fired {times} in 7 days."
    assert told["id"] in [each["id"] for each in incidents(world)], "what was told is still there"
    standing = world("GET", f"{M}/detection").json()
    assert standing["dial"] == 20.0
    assert standing["versions"][0]["windows"] == 40
    assert [each["columns"] for each in standing["versions"][0]["open"]] == [["temp"]]


def test_an_event_of_the_calendar_is_no_news(world) -> None:
    fair = [{"name": "Fair", "first": "2013-06-12", "until": "2013-06-17"}]
    assert set_dial(world, 1.0, calendar=fair).status_code == 200
    world("POST", "/v1/run", json={})
    assert incidents(world) == []


def test_an_incident_is_snoozed_or_rebaselined_by_whom_and_when(world) -> None:
    world("POST", "/v1/run", json={})
    (told,) = incidents(world)
    asleep = world("POST", f"/v1/alerts/{told['id']}/snooze", json={"days": 3, "who": "ann"}).json()
    assert asleep["alert"]["state"] == "firing"
    over = world("POST", f"/v1/alerts/{told['id']}/rebaseline", json={"who": "bob"}).json()
    assert over["alert"]["state"] == "resolved"
    assert [(each["who"], each["action"]) for each in over["history"]] == [("ann", "snoozed"), ("bob", "rebaselined")]
    again = world("POST", f"/v1/alerts/{told['id']}/rebaseline", json={})
    assert again.status_code == 409
    assert "only an open incident" in again.json()["detail"]
    # How temp goes together with the others moved with it: that is one incident, and one new normal.
    assert list(world("GET", f"{M}/detection").json()["versions"][0]["baselines"]) == ["_joint", "temp"]


def test_harm_is_snoozed_like_an_incident_and_an_alert_of_a_rule_says_why_not(world, runtime: Runtime) -> None:
    world("POST", "/v1/run", json={})
    (told,) = incidents(world)
    known = runtime.store.alerts.alert(told["id"])
    for name in ("harm", "segment", "auc-floor"):
        runtime.store.alerts.put(replace(known, id=name, rule=name, metric="harm.loss"))
    for name in ("harm", "segment", told["id"]):
        asleep = world("POST", f"/v1/alerts/{name}/snooze", json={"days": 3, "who": "ann"}).json()
        assert (asleep["alert"]["state"], asleep["history"][-1]["action"]) == ("firing", "snoozed")
        assert asleep["alert"]["snoozed"] == "2013-06-20T00:00:00Z"
    refused = world("POST", "/v1/alerts/auc-floor/snooze", json={"days": 3})
    assert refused.status_code == 409
    assert "give the rule another threshold" in refused.json()["detail"]


def test_what_cannot_be_tried_is_refused_with_what_can(world) -> None:
    for asked, said in (
        ({}, "give one of both"),
        ({"dial": 1, "rule": {"name": "x", "metric": "drift.psi"}}, "give one of both"),
        ({"dial": 0}, "more than 0"),
        ({"dial": 1, "days": 4000}, "1 to 396"),
        ({"rule": {"name": "x", "metric": "drift.odd"}}, "this model has"),
    ):
        answer = world("POST", f"{M}/rules/trial", json=asked)
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
    assert set_dial(world, -1.0).status_code == 422
    bad = [{"name": "Fair", "first": "2013-06-12", "until": "2013-06-12"}]
    assert "until is the first day after it" in set_dial(world, 1.0, calendar=bad).json()["detail"]


def test_a_rule_is_tried_before_it_is_saved(world) -> None:
    world("POST", "/v1/run", json={})
    rule = {"name": "warm", "metric": "drift.wasserstein", "feature": "temp", "threshold": 0.5}
    tried = world("POST", f"{M}/rules/trial", json={"rule": rule}).json()
    assert tried["said"] == "Rule warm would have fired once in 7 days."
    deaf = world("POST", f"{M}/rules/trial", json={"rule": {**rule, "min_rows": 10_000}}).json()["said"]
    assert deaf.startswith("Rule warm would have fired 0 times in 7 days. ")
    assert deaf.endswith(" measurements said too little (few rows or labels).")
    typo = world("POST", f"{M}/rules/trial", json={"rule": {**rule, "metric": "drifts.psi"}}).json()["said"]
    assert typo.endswith(" Nothing was measured as drifts.psi of temp.")
    assert tried["dates"] == ["2013-06-12T00:00:00Z"]
    assert tried["calibrated"] is None
