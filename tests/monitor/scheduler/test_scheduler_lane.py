"""The lane of slow jobs: windows are judged while a slow model is still asked, and what it says is judged after."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from wg_world import START, World

from monitor.alerts.judge import Course, judge
from monitor.alerts.rules import plain_rules
from monitor.clock import ManualClock
from monitor.errors import Unavailable
from monitor.jobs import Job, JobContext, lane
from monitor.jobs.traffic import TrafficJob
from monitor.scheduler import Scheduler
from monitor.store import Store
from monitor.types import AlertState, Measurement, Model, Rule, Status, Window
from tests.waiting import until

DEADLINE = 120.0
GOES_BY = Rule(name="goes-by", metric="attribution.ndcg", op="<", threshold=0.5)


class Slow(Job):
    """Waits until it is let go, then says that the ranking of a day has changed, as often as it is told to."""

    name = "attribution"
    slow = True

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.windows_run: list[Window] = []
        self.value, self.failures = 0.1, 0

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        self.begun.set()
        self.go.wait(DEADLINE)
        if context.stopping.is_set() or self.failures:
            self.failures = 0
            raise Unavailable("the server stops")
        self.windows_run.append(window)
        return [
            Measurement(
                model=model.name,
                version="1",
                metric="attribution.ndcg",
                window=window,
                value=self.value,
                rows=50,
                status=Status.OK,
                details={},
            )
        ]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(rows=60, rules=(*plain_rules(), GOES_BY))
    yield made
    made.store.close()


def mark(world: World, course: Course) -> object:
    return world.store.measurements.watermark(course, "flights")


def running(world: World, slow: Slow) -> Scheduler:
    """Return a scheduler that runs by itself, at the world's time."""
    often = world.config.scheduler.model_copy(update={"every_seconds": 0.05})
    world.config = world.config.model_copy(update={"clock": "system", "scheduler": often})
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    scheduler.start()
    return scheduler


def test_windows_are_judged_while_a_slow_model_is_still_asked(world: World) -> None:
    slow = Slow()
    for day in range(3):
        world.day(day)
    world.advance(3)
    scheduler = running(world, slow)
    try:
        assert slow.begun.wait(DEADLINE)
        until(lambda: mark(world, Course.CLOSED) == world.window(2).end)
        assert slow.windows_run == []
        assert not world.store.alerts.query()
        slow.go.set()
        until(lambda: mark(world, Course.EXPLAINED) == world.window(2).end)
        assert slow.windows_run == [world.window(day) for day in range(3)]
        (alert,) = world.store.alerts.query()
        assert (alert.rule, alert.window.start) == ("goes-by", START)
    finally:
        slow.go.set()
        scheduler.stop()


def test_stopping_ends_both_threads_and_the_next_start_goes_on_where_it_stopped(world: World) -> None:
    slow = Slow()
    world.day(0)
    world.advance(1)
    scheduler = running(world, slow)
    assert slow.begun.wait(DEADLINE)
    scheduler.context.stopping.set()
    slow.go.set()
    scheduler.stop()
    assert slow.windows_run == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scheduler")]
    scheduler.start()
    try:
        until(lambda: mark(world, Course.EXPLAINED) == world.window(0).end)
    finally:
        scheduler.stop()


def test_a_rule_about_it_is_judged_once_a_window_and_resolves_by_it(world: World) -> None:
    slow = Slow()
    slow.go.set()
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    for day in range(4):
        slow.value = 0.1 if day < 1 else 0.9
        world.day(day)
        world.advance(day + 1)
        scheduler.tick()
    (alert,) = world.store.alerts.query()
    assert alert.state is AlertState.RESOLVED
    assert slow.windows_run == [world.window(day) for day in range(4)]
    assert scheduler.tick().measurements == 0


def test_by_hand_catching_up_gives_the_same_alerts_as_ticking_daily() -> None:
    def play(daily: bool) -> list[object]:
        world, slow = World(rows=60, rules=(GOES_BY,)), Slow()
        slow.go.set()
        scheduler = world.scheduler(jobs=[TrafficJob(), slow])
        for day in range(3):
            world.day(day)
            world.advance(day + 1)
            if daily:
                scheduler.tick()
        scheduler.tick()
        return [(alert.id, alert.state, alert.window, alert.since) for alert in world.store.alerts.query()]

    assert play(daily=True) == play(daily=False) != []


def test_rows_that_come_late_have_the_window_explained_once_more(world: World) -> None:
    slow = Slow()
    slow.go.set()
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    for day in range(2):
        world.day(day)
        world.advance(day + 1)
        scheduler.tick()
    world.day(0)
    scheduler.tick()
    assert slow.windows_run == [world.window(0), world.window(1), world.window(0)]
    assert mark(world, Course.EXPLAINED) == world.window(1).end


def test_a_window_that_waits_to_be_explained_again_is_so_after_a_restart_or_a_failure(world: World) -> None:
    slow = Slow()
    slow.go.set()
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    for day in range(2):
        world.day(day)
        world.advance(day + 1)
        scheduler.tick()
    world.day(0)
    slow.failures = 1
    scheduler.tick()
    assert slow.windows_run == [world.window(0), world.window(1)], "it cannot be had now"
    again = world.scheduler(jobs=[TrafficJob(), slow])
    again.tick()
    assert slow.windows_run[2:] == [world.window(0)]
    again.tick()
    assert slow.windows_run[2:] == [world.window(0)], "once"


def test_what_fails_for_one_model_keeps_neither_its_windows_nor_other_models_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = replace(world.model, name="zeppelins", schema=replace(world.model.schema, model="zeppelins"))
    world.store.catalog.put_model(second)
    slow = Slow()
    slow.go.set()

    def broken(store: Store, model: Model, window: Window, *rest: Any) -> Counter[str]:
        if model.name == "flights":
            raise RuntimeError("a rule that cannot be evaluated")
        return judge(store, model, window, *rest)

    monkeypatch.setattr(lane, "judge", broken)
    for day in range(2):
        world.store.rows.commit("zeppelins", world.day(day), None)
    world.advance(2)
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    assert scheduler.tick().failures > 0
    assert mark(world, Course.CLOSED) == world.window(1).end
    assert world.store.measurements.watermark(Course.EXPLAINED, "zeppelins") == world.window(1).end
    world.store.rows.commit("zeppelins", world.day(2), None)
    world.advance(3)
    threads = running(world, slow)
    try:
        until(lambda: world.store.measurements.watermark(Course.EXPLAINED, "zeppelins") == world.window(2).end)
    finally:
        threads.stop()


def test_one_that_cannot_be_had_now_waits_and_keeps_nothing_else_waiting(world: World) -> None:
    slow = Slow()
    slow.go.set()
    slow.failures = 1
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    world.day(0)
    world.advance(1)
    assert scheduler.tick().windows == 1
    assert mark(world, Course.CLOSED) == world.window(0).end
    assert slow.windows_run == []
    scheduler.tick()
    assert slow.windows_run == [world.window(0)]


def test_a_store_of_before_there_was_a_lane_judges_no_old_window_again(world: World) -> None:
    """There, rules about explained rows were judged with all else."""
    for day in range(3):
        world.day(day)
    world.advance(3)
    world.scheduler(jobs=[TrafficJob()]).tick()
    world.store.measurements.set_watermark("attribution", "flights", world.window(2).end)
    slow = Slow()
    slow.go.set()
    world.scheduler(jobs=[TrafficJob(), slow]).tick()
    assert slow.windows_run == []
    assert mark(world, Course.EXPLAINED) == world.window(2).end
    assert not world.store.alerts.query()


def test_a_job_asked_for_by_hand_does_not_hold_up_ticks(world: World) -> None:
    slow = Slow()
    world.day(0)
    world.advance(1)
    world.clock = ManualClock(world.clock.now())
    scheduler = world.scheduler(jobs=[TrafficJob(), slow])
    asked = threading.Thread(target=scheduler.run_job, args=("flights", "attribution", world.window(0)))
    asked.start()
    try:
        assert slow.begun.wait(DEADLINE)
        assert scheduler.alone().__enter__(), "nobody holds the ticks' lock"
        scheduler.alone().__exit__(None, None, None)
    finally:
        slow.go.set()
        asked.join(DEADLINE)
