"""The calibrated detector as a job: told once, remembered through a kill, tried before it is saved, and obeyed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from wg_world import START, World, bend

from monitor.alerts.actions import rebaseline, snooze
from monitor.alerts.incidents import DETECTOR
from monitor.detection import State
from monitor.errors import Conflict, InvalidInput
from monitor.jobs.detection import DetectionJob
from monitor.jobs.history import backfill, try_dials, try_rule
from monitor.store import Store
from monitor.types import Alert, AlertState, Event, Rule, Settings, Status

WARM = {"temp": bend(lambda values: values + 9)}
BROKEN = {"visib": lambda values: pa.array(values, mask=np.arange(len(values)) % 2 == 0)}
DAYS = 12


@pytest.fixture
def world() -> Iterator[World]:
    world = make()
    yield world
    world.store.close()


def make(path: Path | str = ":memory:", **settings: object) -> World:
    """A model with 35 days of reference, so that its detector is calibrated."""
    return World(path, rows=200, reference_days=35, dial=1.0, rules=(FLOOR,), **settings)  # type: ignore[arg-type]


FLOOR = Rule(name="auc-floor", metric="performance.auc", op="<", threshold=0.1)


def play(world: World, days: range, changed: dict[str, object], since: int, until: int = 1000) -> None:
    """Days of traffic and a tick after each; columns are changed on [since, until)."""
    scheduler = world.scheduler(jobs=[DetectionJob()])
    for day in days:
        world.day(day, **(changed if since <= day < until else {}))
        world.advance(day + 1)
        assert scheduler.tick().failures == 0


def told(world: World) -> list[Alert]:
    return sorted((a for a in world.store.alerts.query() if a.rule == DETECTOR), key=lambda alert: alert.since)


def remembered(world: World) -> dict[str, object]:
    return {found.version: (found.until, found.state) for found in world.store.detections.latest("flights")}


def test_calm_days_raise_nothing_and_every_column_is_measured(world: World) -> None:
    play(world, range(6), {}, since=1000)
    assert told(world) == []
    found = world.store.measurements.query("flights", metric="detection.evidence", start=START + timedelta(days=5))
    known = {given.feature for given in found}
    assert {None, "temp", "visib", "origin", "_score", "_prediction", "_new"} <= known
    assert "_latency_ms" not in known
    assert "tail" not in known
    assert "at" not in known
    assert all(given.threshold == 1.0 for given in found)
    assert all(given.value is None or 0 <= given.value < 1 for given in found)
    assert all(given.details["calibrated"] is True for given in found)


def test_a_drift_is_one_alert_in_plain_words_for_as_long_as_it_lasts(world: World) -> None:
    play(world, range(DAYS), WARM, since=3)
    (alert,) = told(world)
    assert alert.state is AlertState.FIRING
    assert alert.columns[0] == "temp"
    assert alert.feature == "temp"
    assert alert.since <= START + timedelta(days=5), "within three days"
    assert "Temperature is 0.7" in alert.title or "Temperature is 0.8" in alert.title
    assert "sd higher than in the reference" in alert.title
    assert alert.calibrated is True
    assert "Calibrated" in alert.body
    assert len(world.store.alerts.deliveries(alert.id)) == 1, "told once"
    last = world.store.measurements.query("flights", metric="detection.evidence", feature="temp", start=alert.since)
    assert {given.status for given in last} == {Status.BREACH}


def test_a_drift_that_ends_is_resolved_and_its_columns_listen_again(world: World) -> None:
    play(world, range(20), WARM, since=2, until=6)
    (alert,) = told(world)
    assert alert.state is AlertState.RESOLVED
    assert State.from_json(world.store.detections.latest("flights")[0].state).open == ()


def test_a_fault_is_critical_and_told_in_its_first_window(world: World) -> None:
    play(world, range(5), BROKEN, since=3)
    (alert,) = told(world)
    assert (alert.severity.value, alert.since, alert.columns) == ("critical", world.window(3).start, ("visib",))
    assert alert.title == "Visibility: 50.0 % of values are missing, reference 0 %"


def test_a_kill_between_a_window_and_its_commit_steps_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is in the transaction of the watermark: both are there, or neither."""
    whole = make()
    play(whole, range(8), WARM, since=2)
    world = make(tmp_path / "wg.duckdb")
    play(world, range(4), WARM, since=2)
    before = remembered(world)
    world.day(4, **WARM)
    world.advance(5)

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(world.store.measurements, "set_watermark", killed)
        with pytest.raises(SystemExit):
            world.scheduler(jobs=[DetectionJob()]).tick()
    world.store.close()
    world.store = Store.open(tmp_path / "wg.duckdb")
    world.ingest._store = world.store
    world.__dict__.pop("context", None)
    assert remembered(world) == before
    world.scheduler(jobs=[DetectionJob()]).tick()
    play(world, range(5, 8), WARM, since=2)
    assert remembered(world) == remembered(whole)
    assert [(alert.id, alert.title) for alert in told(world)] == [(alert.id, alert.title) for alert in told(whole)]
    world.store.close()
    whole.store.close()


def test_a_window_measured_again_changes_nothing_that_is_remembered(world: World) -> None:
    play(world, range(6), WARM, since=3)
    before, alerts = remembered(world), told(world)
    scheduler = world.scheduler(jobs=[DetectionJob()])
    world.day(2, rows=50, version="1")  # rows that came late
    scheduler.run_job("flights", "detection", world.window(4))
    scheduler.tick()
    assert remembered(world) == before
    assert told(world) == alerts


@pytest.mark.parametrize(("changed", "kind"), [(WARM, "warning"), (BROKEN, "critical")])
def test_rows_that_always_come_late_are_judged_when_they_come(changed: dict[str, object], kind: str) -> None:
    """As of a batch that is delivered three days later: every window is empty when it closes."""
    late, prompt = make(), make()
    play(prompt, range(DAYS), changed, since=4)
    scheduler = late.scheduler(jobs=[DetectionJob()])
    for day in range(DAYS + 3):
        if day >= 3:
            late.day(day - 3, **(changed if day - 3 >= 4 else {}))
        late.advance(day + 1)
        assert scheduler.tick().failures == 0
    (alert,) = told(late)
    assert (alert.state, alert.severity.value) == (AlertState.FIRING, kind)
    assert [(each.since, each.title) for each in told(prompt)] == [(alert.since, alert.title)]
    assert len(late.store.alerts.deliveries(alert.id)) == 1, "told once"
    late.store.close()
    prompt.store.close()


def test_a_late_batch_that_comes_in_parts_is_judged_whole() -> None:
    """As of one that is sent for some minutes, with ticks between: its first rows are no fair part of the window."""
    late, prompt = make(), make()
    for world in (late, prompt):
        play(world, range(1), {}, since=1000)
    scheduler = prompt.scheduler(jobs=[DetectionJob()])
    for day in range(1, 5):
        prompt.day(day, rows=60, **BROKEN)
        prompt.day(day)
        prompt.advance(day + 1)
        assert scheduler.tick().failures == 0
    scheduler = late.scheduler(jobs=[DetectionJob()])
    for day in range(1, 7):
        if day > 2:
            late.day(day - 2, rows=60, **BROKEN)
            assert scheduler.tick().failures == 0
            late.day(day - 2)
        late.advance(day + 1)
        assert scheduler.tick().failures == 0
        scheduler.tick()
    assert remembered(late) == remembered(prompt)
    assert [alert.title for alert in told(late)] == [alert.title for alert in told(prompt)]
    late.store.close()
    prompt.store.close()


def test_windows_that_come_late_all_at_once_are_judged_in_their_order_and_once() -> None:
    """As of a client that was cut off for two days: the newest comes first."""
    late, prompt = make(), make()
    play(prompt, range(8), WARM, since=3)
    scheduler = late.scheduler(jobs=[DetectionJob()])
    for day in range(8):
        for each in {3: (), 4: (), 5: (5, 4, 3)}.get(day, (day,)):
            late.day(each, **(WARM if each >= 3 else {}))
            scheduler.tick()
        late.advance(day + 1)
        assert scheduler.tick().failures == 0
        scheduler = late.scheduler(jobs=[DetectionJob()])  # a restart
    assert remembered(late) == remembered(prompt)
    assert [(alert.id, alert.title) for alert in told(late)] == [(alert.id, alert.title) for alert in told(prompt)]
    late.store.close()
    prompt.store.close()


def test_a_trial_says_what_really_fires_when_it_is_run(world: World) -> None:
    """Days of every kind: calm, a drift that ends, a fault, and a drift that stays."""
    play(world, range(4), {}, since=1000)
    play(world, range(4, 16), WARM, since=4, until=8)
    play(world, range(16, 18), BROKEN, since=17)
    play(world, range(18, 22), {"origin": bend(lambda values: np.where(values == "EWR", "JFK", values))}, since=19)
    now = START + timedelta(days=22)
    (trial,) = try_dials(world.context, world.model, [1.0], now).values()
    assert [(a.id, a.since, a.columns, a.state, a.title) for a in trial.alerts] == [
        (a.id, a.since, a.columns, a.state, a.title) for a in told(world)
    ]
    assert [a.columns[:2] for a in trial.alerts] == [("temp",), ("visib", "origin")], "what follows a fault joins it"
    assert trial.days == 22
    assert [a.paged for a in trial.alerts] == [a.paged for a in told(world)] == [False, True], "a drift, then a fault"
    assert [a.because for a in trial.alerts] == [a.because for a in told(world)]


def test_a_smaller_dial_never_raises_evidence_above_that_of_a_larger_one(world: World) -> None:
    play(world, range(DAYS), {"temp": bend(lambda values: values + 4)}, since=2)
    found = try_dials(world.context, world.model, [0.01, 1.0, 30.0], START + timedelta(days=DAYS))
    first = [min((a.since for a in trial.alerts), default=START + timedelta(days=99)) for trial in found.values()]
    assert first == sorted(first, reverse=True)
    assert first[0] > first[-1], "the dial decides how soon a drift is told"


def test_history_is_backfilled_with_what_would_have_fired_and_nobody_is_told() -> None:
    live, late = make(), make()
    play(live, range(10), WARM, since=3)
    late.model = replace(late.model, settings=replace(late.model.settings, dial=None))
    late.store.catalog.put_model(late.model)
    play(late, range(10), WARM, since=3)
    assert told(late) == []
    late.model = replace(late.model, settings=replace(late.model.settings, dial=1.0))
    late.store.catalog.put_model(late.model)
    backfill(late.context, late.model, START + timedelta(days=10))
    assert [(a.id, a.title, a.state) for a in told(late)] == [(a.id, a.title, a.state) for a in told(live)]
    assert remembered(late) == remembered(live)
    assert late.store.alerts.deliveries() == []
    assert [note.action for note in late.store.notes.of(told(late)[0].id)] == ["backfilled"]
    play(late, range(10, 12), WARM, since=3)
    assert len(told(late)) == 1, "it goes on from there"


def test_a_known_event_gives_no_evidence_but_a_fault_in_it_is_told() -> None:
    fair = Event(name="Fair", first=date(2013, 5, 3), until=date(2013, 5, 8))
    world = make(calendar=(fair,))
    play(world, range(7), WARM, since=2)
    assert told(world) == []
    (given,) = world.store.measurements.query(
        "flights", metric="detection.evidence", feature="temp", start=world.window(4).start, end=world.window(4).end
    )
    assert given.details["event"] == "Fair"
    assert (given.value or 0) < 0.5
    shift = world.store.measurements.query("flights", metric="detection.shift", feature="temp")
    assert max(given.value or 0 for given in shift) > 0.5, "how far it moved is measured all the same"
    plain = make()
    play(plain, range(7), WARM, since=2)
    assert len(told(plain)) == 1, "without the event it would have been told"
    broken = make(calendar=(fair,))
    play(broken, range(5), BROKEN, since=4)
    assert [alert.columns for alert in told(broken)] == [("visib",)]


def test_on_a_holiday_values_may_lie_far_from_their_place() -> None:
    far = {"temp": bend(lambda values: 60 + (values - 60) / 3 + 25)}
    world = make()
    play(world, range(4), far, since=3)
    assert [alert.severity for alert in told(world)] == ["critical"], "else it is a fault"
    holiday = make(calendar=(Event(name="Fair", first=date(2013, 5, 4), until=date(2013, 5, 5)),))
    play(holiday, range(4), far, since=3)
    assert told(holiday) == []


def test_columns_that_nobody_registered_are_told_as_such(world: World) -> None:
    play(world, range(1), {}, since=1)
    batch = world._batch(1, world.rows, {}, "1")
    flags = pa.array([["new:brand"]] * len(batch), batch["_flags"].type)
    world._pieces(batch.set_column(batch.schema.get_field_index("_flags"), "_flags", flags))
    world.advance(2)
    assert world.scheduler(jobs=[DetectionJob()]).tick().failures == 0
    assert [alert.title for alert in told(world)] == ["Unknown columns: rows carry columns that nobody registered"]


def test_snoozing_keeps_an_incident_open_and_a_change_that_stays_begins_a_new_one(world: World) -> None:
    play(world, range(6), WARM, since=2)
    (alert,) = told(world)
    now, until = world.clock.now(), START + timedelta(days=9)
    with pytest.raises(InvalidInput, match="a moment after now"):
        snooze(world.store, alert, now, now)
    snooze(world.store, alert, until, now, "ann")
    play(world, range(6, 9), WARM, since=2)
    assert [each.state for each in told(world)] == [AlertState.FIRING]
    play(world, range(9, 16), WARM, since=2)
    first, second = told(world)
    assert (first.id, first.state) == (alert.id, AlertState.RESOLVED)
    assert first.body.startswith("It slept until 2013-05-10 00:00 UTC"), "nobody knows that its columns were calm"
    assert second.state is AlertState.FIRING
    assert second.since > until
    assert [(note.who, note.action) for note in world.store.notes.of(alert.id)] == [("ann", "snoozed")]
    with pytest.raises(Conflict, match="only an open incident"):
        snooze(world.store, first, until + timedelta(days=90), now)


def test_what_waits_for_the_digest_is_not_told_of_an_incident_that_sleeps(world: World) -> None:
    """That it is over is told; and so is what another incident has to tell."""
    play(world, range(4), WARM, since=2)
    (alert,) = told(world)
    assert [line.digest for line in world.store.digests.of(alert.id)] == [None], "the digest comes at six"
    snooze(world.store, alert, START + timedelta(days=6), world.clock.now(), "ann")
    assert world.store.digests.of(alert.id) == []
    play(world, range(4, 8), WARM, since=2)
    assert [(line.event, line.digest is None) for line in world.store.digests.of(alert.id)] == [("resolved", False)]


def test_rebaselining_takes_the_new_traffic_for_normal_and_still_hears_what_comes_after(world: World) -> None:
    play(world, range(8), WARM, since=2)
    (alert,) = told(world)
    over = rebaseline(world.store, alert, world.clock.now(), "ann")
    assert over.state is AlertState.RESOLVED
    assert "Re-baselined" in over.body
    play(world, range(8, 24), WARM, since=2)
    assert [each.id for each in told(world)] == [alert.id], "what was accepted is not told again"
    last = world.store.measurements.query("flights", metric="detection.evidence", feature="temp")[-1]
    assert last.details["since"]
    assert last.details["calibrated"] is False
    play(world, range(24, 28), {"temp": bend(lambda values: values + 40)}, since=24)
    assert [each.columns[0] for each in told(world)] == ["temp", "temp"]
    assert [(note.who, note.action) for note in world.store.notes.of(alert.id)] == [("ann", "rebaselined")]


def test_another_reference_begins_anew(world: World) -> None:
    """Evidence against one reference is none against another: what was open is closed with the reason."""
    play(world, range(6), WARM, since=2)
    (version,) = world.store.catalog.versions("flights")
    reference = version.reference
    assert reference is not None
    world.store.catalog.put_version(replace(version, reference=replace(reference, start=reference.start)))
    snapshot = world.store.detections.latest("flights")[0]
    world.store.detections.put("flights", replace(snapshot, basis="another"))
    play(world, range(6, 7), WARM, since=2)
    assert told(world)[0].state is AlertState.RESOLVED
    assert told(world)[0].body.startswith("Closed: its columns are compared with another reference now")
    assert State.from_json(world.store.detections.latest("flights")[0].state).chunks == 1


def test_a_rule_is_tried_on_what_was_measured(world: World) -> None:
    for day in range(8):
        world.day(day, rows=200 if day != 5 else 20)
    world.advance(8)
    world.scheduler().tick()
    quiet = Rule(name="quiet", metric="traffic.rows", op="<", threshold=100.0)
    trial = try_rule(world.context, world.model, quiet, world.clock.now())
    assert [alert.since for alert in trial.alerts] == [world.window(5).start]
    assert [alert.paged for alert in trial.alerts] == [True], "who writes a rule asks to be told"
    assert (trial.measured, trial.mute) == (8, 0), "a count is as true of few rows"
    shifted = Rule(name="shifted", metric="drift.psi", feature="temp", threshold=5.0)
    trial = try_rule(world.context, world.model, shifted, world.clock.now())
    assert (trial.alerts, trial.measured, trial.mute) == ((), 8, 1), "the day of 20 rows says too little"
    assert world.store.alerts.query() == [], "nothing is kept"


def test_without_a_dial_the_detector_is_off() -> None:
    world = make()
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    world.store.catalog.put_model(world.model)
    play(world, range(4), BROKEN, since=1)
    assert told(world) == []
    assert remembered(world) == {}
    with pytest.raises(Conflict, match="its detector is off"):
        backfill(world.context, world.model, world.clock.now())
    assert Settings().dial == 1.0, "by default it is on"


def test_a_short_reference_is_said_to_be_uncalibrated() -> None:
    world = World(rows=200, reference_days=10, dial=1.0)
    play(world, range(5), BROKEN, since=3)
    (alert,) = told(world)
    assert alert.calibrated is False
    assert "Uncalibrated" in alert.body
