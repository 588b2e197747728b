"""Harm is told once while it lasts, in the terms of its measure."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from wg_world import World

from monitor.alerts.loss import HARM, reconcile_harm
from monitor.types import Alert, AlertState, Measurement, Status


@pytest.fixture
def world() -> Iterator[World]:
    world = World(reference_days=0, dial=1.0)
    yield world
    world.store.close()


def judged(world: World, day: int, value: float, status: Status) -> list[str]:
    """One day's loss, and what becomes of the alerts."""
    window = world.window(day)
    details = {"metric": "accuracy", "usual": 0.2, "since": window.start.isoformat(), "unit": "share"}
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


def test_judging_again_changes_nothing(world: World) -> None:
    assert judged(world, 0, 0.3, Status.BREACH) == ["firing"]
    assert judged(world, 0, 0.3, Status.BREACH) == []


def test_without_a_dial_only_rules_speak(world: World) -> None:
    judged(world, 0, 0.3, Status.BREACH)
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    assert judged(world, 1, 0.3, Status.BREACH) == ["resolved"]
