"""Harm before labels and wrong segments: an alert each while they last, and what triage makes of them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from wg_world import World

from monitor.alerts.actions import snooze
from monitor.alerts.announce import announce
from monitor.alerts.loss import HARM
from monitor.alerts.rules import Change
from monitor.alerts.segment import SEGMENT, reconcile_segments
from monitor.alerts.unlabelled import ESTIMATE, reconcile_estimate
from monitor.store import Store
from monitor.types import Alert, Measurement, Model, Scalar, Status, Window


@pytest.fixture
def world() -> Iterator[World]:
    world = World(reference_days=0, dial=1.0)
    yield world
    world.store.close()


def measured(world: World, metric: str, day: int, value: float, **more: object) -> Measurement:
    given = {"model": "flights", "version": "1", "rows": 900, "window": world.window(day)}
    return Measurement(metric=metric, value=value, **(given | more))  # type: ignore[arg-type]


def estimated(world: World, day: int, high: float, *, trusted: bool = True) -> list[str]:
    """One day's estimate of accuracy, held against a loss of 0.25 that is tolerated, and what becomes of the alerts."""
    bound = {"metric": "accuracy", "usual": 0.2, "tolerated": 0.04}
    band = {"interval": (high - 0.04, high), "details": {"trusted": trusted}}
    foreseen = measured(world, "estimation.accuracy", day, high - 0.02, **band)
    world.store.measurements.put([measured(world, "tolerance.loss", day, 0.25, details=bound), foreseen])
    return told(
        world, reconcile_estimate(world.store, world.model, world.window(day), world.window(day).end, "http://wg")
    )


def told(world: World, changes: list[Change]) -> list[str]:
    for change in changes:
        announce(world.store, world.model, change, change.alert.window.end)
    return [change.event for change in changes]


def test_an_estimate_wholly_beyond_tolerance_pages_once_until_three_windows_are_within_it(world: World) -> None:
    highs = [0.80, 0.74, 0.73, 0.78, 0.74, 0.78, 0.79, 0.80]
    events = [estimated(world, day, high) for day, high in enumerate(highs)]
    assert events == [[], ["firing"], [], [], [], [], [], ["resolved"]]
    [alert] = world.store.alerts.query()
    assert (alert.rule, alert.paged) == (ESTIMATE, True)
    assert alert.title == (
        "Without labels accuracy is estimated between 70 % and 74 %, wholly beyond the 75.0 % that is tolerated"
    )
    assert alert.because.startswith("Paged because the estimate lies wholly beyond what is tolerated")


def test_an_estimate_that_sleeps_is_over_then_and_told_again_if_it_stays(world: World) -> None:
    estimated(world, 0, 0.74)
    [alert] = world.store.alerts.query()
    snooze(world.store, alert, world.window(4).end, world.window(0).end)
    highs = [0.80, 0.80, 0.80, 0.74, 0.74]
    assert [estimated(world, day, high) for day, high in enumerate(highs, 1)] == [[], [], [], ["resolved"], ["firing"]]


def test_an_estimate_that_is_not_trusted_or_touches_tolerance_pages_nobody(world: World) -> None:
    assert estimated(world, 0, 0.70, trusted=False) == []
    assert estimated(world, 1, 0.76) == []


def test_one_harm_is_told_once(world: World) -> None:
    estimated(world, 0, 0.74)
    [alert] = world.store.alerts.query()
    harm = replace(alert, id="h", rule=HARM, version="2")
    world.store.alerts.put(harm)
    assert estimated(world, 1, 0.74) == []
    world.store.alerts.put(replace(alert, id="h1", rule=HARM))
    world.store.alerts.put(replace(alert, rule="other"))
    assert estimated(world, 2, 0.74) == [], "realised harm of this version is open"


def test_judging_again_changes_nothing_and_without_a_dial_all_is_closed(world: World) -> None:
    assert (estimated(world, 0, 0.74), estimated(world, 0, 0.74)) == (["firing"], [])
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    assert estimated(world, 1, 0.74) == ["resolved"]


def test_an_estimate_of_a_version_that_no_longer_serves_is_closed(world: World) -> None:
    estimated(world, 0, 0.74)
    later = world.window(9)
    assert told(world, reconcile_estimate(world.store, world.model, later, later.end, "http://wg")) == ["resolved"]


def scanned(world: World, day: int, status: Status, *, is_open: bool) -> list[str]:
    details: dict[str, Scalar] = {
        "feature": "temp",
        "said": "Temperature 50–60 °F: scores are worse there.",
        "open": is_open,
    }
    world.store.measurements.put(
        [measured(world, "segments.scan", day, 1.7, status=status, threshold=1.0, details=details)]
    )
    window = world.window(day)
    return told(world, reconcile_segments(world.store, world.model, window, window.end, "http://wg"))


def test_a_segment_that_stands_out_is_one_incident_of_the_digest(world: World) -> None:
    days = [(Status.OK, False), (Status.BREACH, True), (Status.OK, True), (Status.BREACH, True), (Status.OK, False)]
    events = [scanned(world, day, status, is_open=is_open) for day, (status, is_open) in enumerate(days)]
    assert events == [[], ["firing"], [], [], ["resolved"]]
    [alert] = world.store.alerts.query()
    assert (alert.rule, alert.paged, alert.columns) == (SEGMENT, False, ("temp",))
    assert alert.title == "Temperature 50–60 °F: scores are worse there"
    assert [line.event for line in world.store.digests.of(alert.id)] == ["firing", "resolved"]


def test_what_is_tolerated_is_named_where_it_is_known(world: World) -> None:
    """A drift that goes to the digest says whether anything could have told of harm."""

    def drift(store: Store, model: Model, window: Window) -> Alert:
        [alert] = [each for each in store.alerts.query() if each.rule == SEGMENT]
        given = replace(alert, id=f"d{window.start}", rule="detector", window=window)
        return announce(store, model, Change("firing", given), window.end)

    estimated(world, 0, 0.80)
    scanned(world, 0, Status.BREACH, is_open=True)
    known, unknown = (drift(world.store, world.model, world.window(day)) for day in (0, 5))
    assert known.because.endswith("neither labels nor the estimate show a loss beyond what is tolerated.")
    assert unknown.because.endswith("without labels in the reference nothing says what loss is tolerated.")
