"""Harm is told once while it lasts, in the terms of its measure."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from wg_world import World

from monitor.alerts.actions import rebaseline, snooze
from monitor.alerts.loss import HARM, reconcile_harm
from monitor.errors import Conflict, InvalidInput
from monitor.types import Alert, AlertState, Measurement, Status


@pytest.fixture
def world() -> Iterator[World]:
    world = World(reference_days=0, dial=1.0)
    yield world
    world.store.close()


def judged(world: World, day: int, value: float, status: Status, metric: str = "accuracy") -> list[str]:
    """One day's loss, and what becomes of the alerts."""
    window = world.window(day)
    details = {"metric": metric, "usual": 0.2, "since": window.start.isoformat(), "unit": "share"}
    given = Measurement(
        model="flights", version="1", metric="harm.loss", window=window, value=value, rows=900, threshold=0.25,
        status=status, details=details,
    )  # fmt: skip
    world.store.measurements.put([given])
    changes = reconcile_harm(world.store, world.model, window, window.end, "http://wg")
    for change in changes:
        world.store.alerts.put(change.alert)
    return [change.event for change in changes]


def told(world: World) -> list[Alert]:
    return [alert for alert in world.store.alerts.query() if alert.rule == HARM]


def test_harm_is_one_critical_alert_for_as_long_as_it_lasts(world: World) -> None:
    statuses = [Status.OK, Status.BREACH, Status.BREACH, Status.INSUFFICIENT, Status.BREACH, Status.OK, Status.BREACH]
    events = [judged(world, day, 0.31, status) for day, status in enumerate(statuses)]
    assert events == [[], ["firing"], [], [], [], ["resolved"], ["firing"]]
    assert {alert.state for alert in told(world)} == {AlertState.FIRING, AlertState.RESOLVED}
    assert told(world)[0].title == "Accuracy is 69.0 %, below the 75.0 % that is tolerated, usually 80.0 %"
    assert told(world)[0].severity.value == "critical"


def test_the_loss_of_a_ranking_is_told_as_what_is_left_of_its_quality(world: World) -> None:
    assert judged(world, 0, 0.6, Status.BREACH, metric="ndcg") == ["firing"]
    assert told(world)[0].title == "nDCG is 0.400, below the 0.750 that is tolerated, usually 0.800"


def test_judging_again_changes_nothing(world: World) -> None:
    assert judged(world, 0, 0.3, Status.BREACH) == ["firing"]
    assert judged(world, 0, 0.3, Status.BREACH) == []


def test_without_a_dial_only_rules_speak(world: World) -> None:
    judged(world, 0, 0.3, Status.BREACH)
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    assert judged(world, 1, 0.3, Status.BREACH) == ["resolved"]


def traffic(world: World, day: int, rows: int) -> None:
    """What is measured of a window's traffic."""
    window = world.window(day)
    given = Measurement(model="flights", version="1", metric="traffic.rows", window=window, value=rows, rows=rows)
    world.store.measurements.put([given])


def unlabelled(world: World, day: int) -> list[str]:
    """A day without a label of the version, and what becomes of the alerts."""
    changes = reconcile_harm(world.store, world.model, world.window(day), world.window(day).end, "http://wg")
    for change in changes:
        world.store.alerts.put(change.alert)
    return [change.event for change in changes]


def test_the_alert_of_a_version_without_traffic_is_closed_and_says_why(world: World) -> None:
    traffic(world, 0, 900)
    assert judged(world, 0, 0.31, Status.BREACH) == ["firing"]
    for day in range(1, 6):
        traffic(world, day, 0)
    assert [unlabelled(world, day) for day in range(1, 6)] == [[], [], [], ["resolved"], []]
    assert told(world)[0].body.startswith("Closed: version 1 has had no traffic since.")


def test_the_alert_of_a_version_with_traffic_and_no_labels_stays_open(world: World) -> None:
    judged(world, 0, 0.31, Status.BREACH)
    for day in range(1, 12):
        traffic(world, day, 900)
        assert unlabelled(world, day) == []


def test_harm_that_sleeps_is_silent_until_then_is_over_then_and_is_told_again_if_it_stays(world: World) -> None:
    judged(world, 0, 0.31, Status.BREACH)
    (alert,) = told(world)
    until = world.window(3).end
    asleep = snooze(world.store, alert, until, world.window(0).end, "ann")
    assert (asleep.state, asleep.snoozed) == (AlertState.FIRING, until)
    assert [(note.who, note.action) for note in world.store.notes.of(alert.id)] == [("ann", "snoozed")]
    days = [judged(world, day, 0.31, Status.OK if day == 2 else Status.BREACH) for day in range(1, 6)]
    assert days == [[], [], ["resolved"], ["firing"], []]
    over = world.store.alerts.alert(alert.id)
    assert over.body.startswith("It slept until 2013-05-05 00:00 UTC; what stays begins a new alert.")
    assert len(told(world)) == 2


def test_an_alert_that_sleeps_is_closed_with_its_version(world: World) -> None:
    traffic(world, 0, 900)
    judged(world, 0, 0.31, Status.BREACH)
    snooze(world.store, told(world)[0], world.window(90).end, world.window(0).end)
    for day in range(1, 5):
        traffic(world, day, 0)
    assert [unlabelled(world, day) for day in range(1, 5)][-1] == ["resolved"]


def test_what_cannot_sleep_says_why(world: World) -> None:
    judged(world, 0, 0.31, Status.BREACH)
    (alert,) = told(world)
    now, until = world.window(0).end, world.window(3).end
    with pytest.raises(InvalidInput, match="a moment after now"):
        snooze(world.store, alert, now, now)
    with pytest.raises(Conflict, match="give the rule another threshold or more windows"):
        snooze(world.store, replace(alert, rule="auc-floor"), until, now)
    with pytest.raises(Conflict, match="only incidents of the detector can be re-baselined"):
        rebaseline(world.store, alert, now)
    judged(world, 1, 0.2, Status.OK)
    with pytest.raises(Conflict, match="only an open alert can be snoozed"):
        snooze(world.store, told(world)[0], until, now)
