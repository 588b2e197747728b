"""What a model goes by: told in the digest after three windows in a row, once, and over when it is as it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from wg_world import START, World

from monitor.alerts.actions import snooze
from monitor.alerts.announce import announce
from monitor.alerts.attribution import ATTRIBUTION, CHANGE, METRIC, reconcile_attribution
from monitor.alerts.rules import Change
from monitor.types import ALL, Alert, AlertState, Measurement, Rule, Severity, Status, Window


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store", reference_days=0, dial=1.0)
    yield world
    world.store.close()


def measured(world: World, day: int, status: Status, version: str = "1") -> None:
    about = {"model": "flights", "version": version, "window": world.window(day), "rows": 50}
    found = [Measurement(**about, metric=METRIC, value=0.7, threshold=0.9, status=status)]
    if status is Status.BREACH:
        for feature, value in (("visib", -0.2), ("temp", 0.1), ("origin", 0.3)):
            found.append(Measurement(**about, metric=CHANGE, feature=feature, value=value, status=Status.BREACH))
    world.store.measurements.put(found)


def judged(world: World, day: int, status: Status | None, version: str = "1") -> list[Change]:
    if status is not None:
        measured(world, day, status, version)
    with world.store.transaction():
        now = START + timedelta(days=day + 1)
        changes = reconcile_attribution(world.store, world.model, world.window(day), now, "http://wg")
        for change in changes:
            announce(world.store, world.model, change, now)
    return changes


def test_it_is_told_in_the_digest_after_three_windows_in_a_row_and_once(world: World) -> None:
    statuses = [Status.BREACH] * 2 + [Status.OK] + [Status.BREACH] * 4
    found = [judged(world, day, status) for day, status in enumerate(statuses)]
    assert [len(each) for each in found] == [0, 0, 0, 0, 0, 1, 0]
    (alert,) = world.store.alerts.query()
    assert (alert.rule, alert.severity, alert.paged) == (ATTRIBUTION, Severity.WARNING, False)
    assert alert.title == "It goes more by Origin, Temperature, less by Visibility than in the reference"
    assert alert.columns == ("origin", "visib", "temp")
    assert alert.since == world.window(3).start
    assert alert.link == alert.body.splitlines()[-1]
    assert alert.link.startswith("http://wg/importance?model=flights&version=1&start=2013-05-06")
    assert "agree by 0.70 of 1; 0.90 is the least that is usual" in alert.body
    assert world.store.alerts.deliveries() == [], "nobody is woken"
    assert [line.event for line in world.store.digests.of(alert.id)] == ["firing"]
    assert judged(world, 6, None) == [], "asked again it changes nothing"


def test_windows_that_somebody_had_measured_by_hand_are_none_in_a_row(world: World) -> None:
    judged(world, 0, Status.OK)
    (usual,) = world.store.measurements.query("flights", metric=METRIC)
    for hours in (5, 6, 7):
        start = START + timedelta(hours=hours)
        by_hand = Window(start, start + timedelta(days=1))
        world.store.measurements.put([replace(usual, window=by_hand, status=Status.BREACH)])
    assert [judged(world, day, Status.BREACH) for day in (1, 2)] == [[], []]
    assert len(judged(world, 3, Status.BREACH)) == 1


def test_it_is_no_page_where_the_owner_wrote_rules_of_other_things(world: World) -> None:
    rules = (Rule(name="mine", metric="drift.psi", threshold=0.1),)
    world.model = replace(world.model, settings=replace(world.model.settings, rules=rules))
    for day in range(3):
        judged(world, day, Status.BREACH)
    assert [alert.paged for alert in world.store.alerts.query()] == [False]


def test_it_is_over_after_three_windows_as_in_the_reference(world: World) -> None:
    rest = [Status.OK, Status.OK, Status.INSUFFICIENT, Status.OK, Status.OK, Status.OK]
    found = [judged(world, day, status) for day, status in enumerate([Status.BREACH] * 3 + rest)]
    assert [[change.event for change in each] for each in found] == [[], [], ["firing"], *[[]] * 5, ["resolved"]]
    assert world.store.alerts.query()[0].body.startswith("Back to normal: it goes by what it did")


def test_a_version_that_no_longer_serves_has_it_closed(world: World) -> None:
    for day in range(3):
        judged(world, day, Status.BREACH)
    found = [judged(world, day, Status.OK, "2") for day in range(3, 7)]
    assert [[change.event for change in each] for each in found] == [[], [], [], ["resolved"]]
    assert "no traffic since" in world.store.alerts.query()[0].body


def test_it_sleeps_until_its_owner_said_and_is_told_again_if_it_stays(world: World) -> None:
    for day in range(3):
        judged(world, day, Status.BREACH)
    (alert,) = world.store.alerts.query()
    snooze(world.store, alert, START + timedelta(days=8), START + timedelta(days=3))
    assert world.store.digests.of(alert.id) == [], "the digest does not tell it either"
    found = [judged(world, day, Status.OK) for day in range(3, 7)]
    found += [judged(world, day, Status.BREACH) for day in range(7, 10)]
    assert [[change.event for change in each] for each in found] == [*[[]] * 4, ["resolved"], [], ["firing"]]


def test_without_a_dial_it_is_silent_and_what_is_open_is_closed(world: World) -> None:
    for day in range(3):
        judged(world, day, Status.BREACH)
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    assert [change.event for change in judged(world, 3, Status.BREACH)] == ["resolved"]
    assert judged(world, 4, Status.BREACH) == []


def test_while_an_incident_is_open_it_is_one_more_sentence_of_that(world: World) -> None:
    incident = Alert(
        id="drift",
        model="flights",
        version="1",
        rule="detector",
        severity=Severity.WARNING,
        state=AlertState.FIRING,
        metric="detection.evidence",
        feature="origin",
        segment=ALL,
        title="Origin has changed",
        body="What happened.\nhttp://wg/feature",
        link="http://wg/feature",
        value=1.0,
        threshold=1.0,
        window=world.window(0),
        since=START,
        updated=START,
    )
    world.store.alerts.put(incident)
    assert [judged(world, day, Status.BREACH) for day in range(4)] == [[]] * 4
    (alert,) = world.store.alerts.query()
    said = "Also, what it goes by has changed: more by Origin, Temperature, less by Visibility."
    assert alert.body.splitlines() == ["What happened.", said, "http://wg/feature"]
