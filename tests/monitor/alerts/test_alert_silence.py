"""Predictions that stop are told once, where they were sure to come, and never where nobody could know."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from wg_world import START, World

from monitor.alerts.actions import snooze
from monitor.alerts.silence import SILENCE
from monitor.jobs.traffic import TrafficJob
from monitor.scheduler import Scheduler
from monitor.types import Alert, AlertState, Event, Rule, Severity


@pytest.fixture
def world() -> Iterator[World]:
    world = World(rows=60, dial=1.0)
    yield world
    world.store.close()


def live(world: World, scheduler: Scheduler, days: range, *, rows: int = 60, without: str = "", **more: int) -> None:
    """Days judged as they end: of version 1 with so many rows (none on weekdays in ``without``), and of others."""
    for day in days:
        weekday = f"{START + timedelta(days=day):%a}"
        for version, count in ({"1": rows} | {name[1:]: given for name, given in more.items()}).items():
            if count and weekday not in without:
                world.day(day, rows=count, version=version)
        world.advance(day + 1)
        assert scheduler.tick().failures == 0


def watching(world: World) -> Scheduler:
    return world.scheduler(jobs=[TrafficJob()])


def told(world: World) -> list[Alert]:
    found = [alert for alert in world.store.alerts.query() if alert.rule == SILENCE]
    return sorted(found, key=lambda alert: alert.window.start)


def test_predictions_that_stop_are_a_hard_fault_told_once_and_over_when_rows_come(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(8))
    live(world, scheduler, range(8, 11), rows=0)
    (alert,) = told(world)
    assert (alert.severity, alert.paged, alert.state) == (Severity.CRITICAL, True, AlertState.FIRING)
    assert alert.title == "No predictions since 2013-05-09 00:00 UTC, usually 60 a window"
    assert alert.because == "Paged because it is a hard fault: data is broken, whatever the labels will say."
    assert alert.body.splitlines()[0] == "Windows at the same time of the 7 days before had 60 rows each."
    assert alert.window == world.window(8)
    live(world, scheduler, range(11, 12), rows=3)
    (alert,) = told(world)
    assert alert.state is AlertState.RESOLVED
    assert alert.body.startswith("Predictions come again: 3 rows in Sun 12 May 2013 (UTC).")


@pytest.mark.parametrize(
    ("days", "rows", "why"),
    [(6, 60, "too little is known"), (20, 5, "sparse traffic")],
)
def test_silence_is_no_news_where_rows_were_not_sure_to_come(world: World, days: int, rows: int, why: str) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(days), rows=rows)
    live(world, scheduler, range(days, days + 10), rows=0)
    assert told(world) == [], why


def test_traffic_that_varies_much_may_well_be_none(world: World) -> None:
    scheduler = watching(world)
    for day in range(14):
        live(world, scheduler, range(day, day + 1), rows=30 if day % 2 else 400)
    live(world, scheduler, range(14, 16), rows=0)
    assert told(world) == []


def test_days_of_the_week_that_are_always_empty_are_no_news_and_others_are(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(33), without="Sat Sun")  # from Wednesday the 1st to Sunday the 2nd of June
    assert told(world) == []
    live(world, scheduler, range(33, 35), rows=0)
    (alert,) = told(world)
    assert alert.window == world.window(33)
    assert alert.body.splitlines()[0] == "Windows at the same time of the 4 weeks before had 60 rows each."
    assert alert.since == world.window(31).start, "that is when rows came last"


def test_a_version_that_another_replaces_is_no_news(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(8), v2=20)
    live(world, scheduler, range(8, 12), rows=0, v2=60)
    assert told(world) == []


def test_a_version_that_stops_beside_a_trickle_of_another_is_told_until_that_takes_over(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(8), v2=5)
    live(world, scheduler, range(8, 10), rows=0, v2=5)
    (alert,) = told(world)
    assert (alert.version, alert.value, alert.threshold) == ("1", 5.0, 65 / 4)
    live(world, scheduler, range(10, 11), rows=0, v2=40)
    assert told(world)[0].body.startswith("Closed: its traffic was taken over by version 2 in ")


def test_history_that_is_imported_ends_without_an_alarm(world: World) -> None:
    for day in range(20):
        world.day(day)
    world.advance(20)
    scheduler = watching(world)
    scheduler.tick()
    live(world, scheduler, range(20, 30), rows=0)
    assert told(world) == []


def test_rows_that_always_come_after_their_window_are_not_missed(world: World) -> None:
    scheduler = watching(world)
    for day in range(1, 20):
        world.day(day - 1)
        live(world, scheduler, range(day, day + 1), rows=0)
    assert told(world) == []


def test_a_server_that_was_down_itself_says_nothing_of_that_time_and_tells_what_it_sees_later(world: World) -> None:
    live(world, watching(world), range(8))
    world.advance(9)  # it was down for a day, and for a part of the next
    world.clock.advance(START + timedelta(days=9, hours=7))
    again = watching(world)
    live(world, again, range(9, 10), rows=0)
    assert told(world) == []
    live(world, again, range(10, 11), rows=0)
    assert [alert.window for alert in told(world)] == [world.window(10)]
    assert told(world)[0].since == world.window(8).start


def test_an_event_of_the_calendar_excuses_it(world: World) -> None:
    fair = Event(name="Fair", first=date(2013, 5, 9), until=date(2013, 5, 11))
    world.model = replace(world.model, settings=replace(world.model.settings, calendar=(fair,)))
    world.store.catalog.put_model(world.model)
    scheduler = watching(world)
    live(world, scheduler, range(8))
    live(world, scheduler, range(8, 10), rows=0)
    assert told(world) == []
    live(world, scheduler, range(10, 11), rows=0)
    assert [alert.window for alert in told(world)] == [world.window(10)], "after it they are missed"


def test_it_sleeps_until_its_owner_said_and_what_is_retired_is_not_told_again(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(8))
    live(world, scheduler, range(8, 9), rows=0)
    snooze(world.store, told(world)[0], START + timedelta(days=12), world.clock.now())
    live(world, scheduler, range(9, 14), rows=0)
    assert [alert.state for alert in told(world)] == [AlertState.RESOLVED, AlertState.FIRING]
    snooze(world.store, told(world)[1], START + timedelta(days=40), world.clock.now())
    live(world, scheduler, range(14, 45), rows=0)
    assert [alert.state for alert in told(world)] == [AlertState.RESOLVED, AlertState.RESOLVED]


def test_without_a_dial_only_rules_speak(world: World) -> None:
    scheduler = watching(world)
    live(world, scheduler, range(8))
    live(world, scheduler, range(8, 9), rows=0)
    world.model = replace(world.model, settings=replace(world.model.settings, dial=None))
    world.store.catalog.put_model(world.model)
    live(world, scheduler, range(9, 10), rows=0)
    assert [alert.state for alert in told(world)] == [AlertState.RESOLVED]


def test_shorter_windows_are_compared_with_the_same_hours(world: World) -> None:
    """Rows come by day only: its nights are no news, and a morning without any is told at noon."""
    world.model = replace(world.model, settings=replace(world.model.settings, window_hours=6))
    world.store.catalog.put_model(world.model)
    scheduler = watching(world)
    for day in range(10):
        if day < 9:
            batch = world._batch(day, 240, {}, "1")
            hours = [moment.hour for moment in batch["_time"].to_pylist()]
            world._pieces(batch.filter([6 <= hour < 18 for hour in hours]))
        for hour in (6, 12, 18, 24):
            world.clock.advance(START + timedelta(days=day, hours=hour))
            assert scheduler.tick().failures == 0
    (alert,) = told(world)
    assert alert.window.start == START + timedelta(days=9, hours=6)
    assert alert.since == START + timedelta(days=8, hours=18)


def test_a_rule_of_one_line_tells_of_any_window_without_rows() -> None:
    """As the guide has it, for traffic that is too thin or too new for the detector to know."""
    rule = Rule(name="traffic", metric="traffic.rows", op="<", threshold=1.0)
    world = World(rows=3, rules=(rule,))
    scheduler = watching(world)
    live(world, scheduler, range(2), rows=3)
    live(world, scheduler, range(2, 3), rows=0)
    assert [(alert.rule, alert.window) for alert in world.store.alerts.query()] == [("traffic", world.window(2))]
    live(world, scheduler, range(3, 6), rows=3)
    assert [alert.state for alert in world.store.alerts.query()] == [AlertState.RESOLVED]
    world.store.close()
