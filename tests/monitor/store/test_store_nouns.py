"""Profiles, measurements, alerts and the outbox, explanations and reports: what is put is what is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from monitor.errors import NotFound
from monitor.profile.build import profile
from monitor.profile.freeze import make_binning
from monitor.profile.pieces import PIECES, merge
from monitor.store import Store
from monitor.types import (
    Alert,
    AlertState,
    Explanation,
    Measurement,
    Report,
    Severity,
    Status,
    Window,
)

DAY = timedelta(days=1)
START = datetime(2013, 5, 1, tzinfo=UTC)
WINDOW = Window(START, START + DAY)


def measurement(**changes: object) -> Measurement:
    given = {
        "model": "flights",
        "version": "1",
        "metric": "drift.psi",
        "window": WINDOW,
        "value": 0.25,
        "rows": 10,
        "feature": "delay",
        "coverage": 0.5,
        "threshold": 0.1,
        "interval": (0.1, 0.3),
        "status": Status.BREACH,
        "details": {"why": "units", "chunks": 14},
    }
    return Measurement(**(given | changes))


def test_measurements_round_trip_and_replace(store: Store) -> None:
    first, plain = (
        measurement(),
        measurement(metric="traffic.rows", feature=None, interval=None, value=None, details={}),
    )
    store.measurements.put([first, plain])
    assert store.measurements.query("flights") == [first, plain]
    changed, again = replace(first, value=0.5), replace(plain, value=7.0)
    store.measurements.put([changed, again])
    assert store.measurements.query("flights") == [changed, again]
    store.measurements.put([])


def test_measurements_are_found_by_each_part_of_their_key(store: Store) -> None:
    made = [
        measurement(
            metric=metric, feature=feature, version=version, window=Window(START + DAY * day, START + DAY * (day + 1))
        )
        for metric in ("drift.psi", "drift.ks", "quality.null_share")
        for feature in ("delay", "seats")
        for version in ("1", "2")
        for day in range(3)
    ]
    store.measurements.put(made)
    ask = store.measurements.query
    assert len(ask("flights", metric="drift.*")) == 24
    assert {found.metric for found in ask("flights", metric="drift.psi")} == {"drift.psi"}
    assert len(ask("flights", feature="delay", version="2", segment="all")) == 9
    assert {found.window.start for found in ask("flights", start=START + DAY, end=START + 2 * DAY)} == {START + DAY}
    assert [found.window.start for found in ask("flights", limit=12)] == [START + 2 * DAY] * 12
    assert ask("other") == ask("flights", segment="carrier=A") == []


def test_watermarks(store: Store) -> None:
    assert store.measurements.watermark("drift", "flights") is None
    store.measurements.set_watermark("drift", "flights", START)
    store.measurements.set_watermark("drift", "flights", START + DAY)
    assert store.measurements.watermark("drift", "flights") == START + DAY
    assert store.measurements.watermark("quality", "flights") is None


def test_windows_to_be_measured_again_are_remembered_once_each_until_that_is_done(store: Store) -> None:
    kept = store.measurements
    kept.put_again("flights", [START + DAY, START], 10)
    kept.put_again("flights", [START], 20)
    assert kept.next_again("parcels") is None
    assert kept.next_again("flights") == (START, 20)
    kept.done_again("flights", START, 10)
    assert kept.next_again("flights") == (START, 20), "more rows have come for it meanwhile"
    kept.done_again("flights", START, 20)
    assert kept.next_again("flights") == (START + DAY, 10)
    kept.done_again("flights", START + DAY, 10)
    assert kept.next_again("flights") is None


def alert(**changes: object) -> Alert:
    given = {
        "id": "a1",
        "model": "flights",
        "version": "1",
        "rule": "drift",
        "severity": Severity.WARNING,
        "state": AlertState.FIRING,
        "metric": "drift.psi",
        "feature": "delay",
        "segment": "all",
        "title": "Delay drifted",
        "body": 'it\'s "bad"',
        "link": "http://127.0.0.1/",
        "value": 0.5,
        "threshold": 0.1,
        "window": WINDOW,
        "since": START,
        "updated": START,
    }
    return Alert(**(given | changes))


def test_alerts_round_trip_and_filter(store: Store) -> None:
    resolved = alert(
        id="a2", state=AlertState.RESOLVED, resolved=START + DAY, window=Window(START + DAY, START + 2 * DAY)
    )
    store.alerts.put(alert())
    store.alerts.put(resolved)
    store.alerts.put(alert(value=0.6))
    assert store.alerts.alert("a1") == alert(value=0.6)
    assert store.alerts.query() == [resolved, alert(value=0.6)]
    assert store.alerts.query(state=AlertState.RESOLVED) == [resolved]
    assert store.alerts.query(model="flights", start=START, end=START + DAY) == [alert(value=0.6)]
    with pytest.raises(NotFound):
        store.alerts.alert("a3")


def test_the_outbox_delivers_once_and_gives_up(store: Store) -> None:
    with store.transaction():
        store.alerts.put(alert())
        store.alerts.enqueue(alert(), "firing", "webhook", "http://x")
        store.alerts.enqueue(alert(), "firing", "log", "")
    store.alerts.enqueue(alert(), "firing", "log", "")
    log, webhook = store.alerts.due_deliveries(START)
    assert (log.channel, webhook.channel, log.attempts) == ("log", "webhook", 0)
    store.alerts.delivered(log, START)
    store.alerts.failed(webhook, "refused", START + timedelta(minutes=1))
    assert store.alerts.due_deliveries(START) == []
    [again] = store.alerts.due_deliveries(START + timedelta(minutes=1))
    assert (again.attempts, again.error) == (1, "refused")
    assert store.alerts.enqueued(again) == START
    store.alerts.failed(again, "refused", None)
    assert store.alerts.due_deliveries(START + DAY) == []
    assert [(done.channel, done.attempts, done.delivered) for done in store.alerts.deliveries("a1")] == [
        ("log", 1, START),
        ("webhook", 2, None),
    ]
    with pytest.raises(NotFound):
        store.alerts.enqueued(replace(again, target="elsewhere"))


def test_an_alert_and_its_delivery_are_one(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012 - the transaction is what is tested
        store.alerts.put(alert())
        store.alerts.enqueue(alert(), "firing", "log", "")
        raise ZeroDivisionError
    assert store.alerts.query() == store.alerts.deliveries() == []


def test_explanations_are_found_by_what_made_them(store: Store) -> None:
    made = Explanation(
        id="e1",
        model="flights",
        version="1",
        inference_id="r1",
        method="shap",
        output="late",
        link="identity",
        base_value=0.1,
        prediction=0.4,
        attributions={"delay": 0.3, 'a"b': 0.0},
        values={"delay": 1.5, "carrier": None},
        quality={"rows": 100},
        standard_errors=None,
        seed=0,
        model_hash="m",
        background_hash="b",
        settings={},
        seconds=0.5,
        created=START,
    )
    later = replace(made, id="e2", method="lime", created=START + DAY)
    store.explanations.put(made, "abc")
    store.explanations.put(later, "def")
    assert store.explanations.find("flights", "r1") == later
    assert store.explanations.find("flights", "r1", method="shap", version="1", fingerprint="abc") == made
    assert store.explanations.find("flights", "r1", fingerprint="zzz") is None
    assert store.explanations.query("flights", "r1") == [later, made]
    assert store.explanations.get("e1") == made
    with pytest.raises(NotFound):
        store.explanations.get("e3")


def test_reports(store: Store) -> None:
    made = Report(id="p1", model="flights", window=WINDOW, title="Drift", path="reports/p1.html", created=START)
    store.reports.put(made)
    assert store.reports.query("flights") == store.reports.query() == [made]
    assert store.reports.get("p1") == made
    assert store.reports.query("other") == []
    with pytest.raises(NotFound):
        store.reports.get("p2")


@pytest.fixture
def pieces(store: Store, batch) -> pa.Table:
    rows = batch(0, 400)
    schema = store.catalog.model("flights").schema
    binning = make_binning(rows, schema)
    return pa.concat_tables(
        [profile(rows.slice(start, 90), schema, binning, ["carrier"]) for start in range(0, 400, 90)]
    )


def test_compacting_changes_no_sum(store: Store, pieces: pa.Table) -> None:
    store.profiles.append("flights", pieces, 400)
    everything = merge(pieces)
    assert store.profiles.compact("flights", START + timedelta(hours=3)) > 0
    assert merge(store.profiles.pieces("flights")).equals(everything)
    assert store.profiles.compact("flights", START + DAY) > 0
    assert store.profiles.pieces("flights").num_rows == everything.num_rows
    assert merge(store.profiles.pieces("flights")).equals(everything)
    assert store.profiles.compact("flights", START + DAY) == 0


def test_pieces_by_window_column_version_and_segment(store: Store, pieces: pa.Table) -> None:
    store.profiles.append("flights", pieces, 400, basis="b")
    assert (store.profiles.up_to_seq("flights"), store.profiles.mark("flights")) == (400, (400, "b"))
    window = Window(START + timedelta(hours=1), START + timedelta(hours=3))
    found = store.profiles.pieces("flights", window, columns=["delay"], version="1", segment="carrier=A")
    assert found.schema == PIECES
    assert {hour.hour for hour in found["hour"].to_pylist()} == {1, 2}
    assert set(found["column"].to_pylist()) == {"delay"}
    assert store.profiles.pieces("flights", columns=[]).num_rows == 0
    store.profiles.append("flights", pieces.slice(0, 3), 401, replace=True)
    assert store.profiles.pieces("flights").num_rows == 3


def test_the_reference_has_pieces_of_its_own(store: Store, pieces: pa.Table) -> None:
    store.profiles.replace_reference("flights", "1", pieces)
    store.profiles.replace_reference("flights", "1", pieces.slice(0, 40))
    assert store.profiles.reference("flights", "1", segment=None).num_rows == 40
    assert set(store.profiles.reference("flights", "1", ["delay"])["segment"].to_pylist()) == {"all"}
    assert store.profiles.pieces("flights").num_rows == 0
