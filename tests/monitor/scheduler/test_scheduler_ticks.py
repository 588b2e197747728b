"""The scheduler: every closed window once, in order, through pauses, late labels, failures and restarts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from wg_world import START, World, bend

from monitor.alerts.rules import plain_rules
from monitor.clock import ManualClock
from monitor.config import Config, SchedulerConfig
from monitor.errors import NotFound, Unavailable
from monitor.jobs import Job, JobContext
from monitor.jobs.drift import DriftJob
from monitor.jobs.performance import PerformanceJob
from monitor.jobs.quality import QualityJob
from monitor.jobs.traffic import TrafficJob
from monitor.scheduler import Scheduler, TickResult
from monitor.store import Store
from monitor.types import AlertState, Measurement, Model, Rule, Settings, Window
from tests.waiting import until

FLOOR = Rule(name="auc-floor", metric="performance.auc", op="<", threshold=0.6)
RULES = (*plain_rules(), FLOOR)


class Recorder(Job):
    """Notes the windows it is run over; fails as often as it is told to."""

    name: ClassVar[str] = "recorder"

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.windows_run: list[Window] = []
        self.failures = failures
        self.error = error or RuntimeError("no")

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        if self.failures:
            self.failures -= 1
            raise self.error
        self.windows_run.append(window)
        return []


class Weekly(Recorder):
    """A job over seven windows."""

    name: ClassVar[str] = "weekly"
    windows: ClassVar[int] = 7


@pytest.fixture
def world() -> Iterator[World]:
    world = World(rows=150, rules=RULES)
    yield world
    world.store.close()


def state(store: Store) -> list[object]:
    """What an owner sees of the alerts, without the moments at which it was told."""
    found = sorted(store.alerts.query(), key=lambda alert: alert.id)
    return [(alert.id, alert.state, alert.title, alert.window, alert.value, alert.since) for alert in found]


def play(world: World, days: int, *, ticks: bool) -> list[TickResult]:
    """Ten days: a unit change on day 3 and 4, labels a day late and wrong from day 6 on; tick daily, or once."""
    scheduler, told, waiting = world.scheduler(), [], None
    for day in range(days):
        bent = {"visib": bend(lambda values: values * 1.609)} if day in (3, 4) else {}
        batch = world.day(day, **bent)  # type: ignore[arg-type]
        if waiting is not None:
            world.label(waiting, flip=day > 6)
        waiting = batch
        world.advance(day + 1)
        if ticks:
            told.append(scheduler.tick())
    if not ticks:
        told.append(scheduler.tick())
    return told


def test_every_closed_window_is_measured_and_judged_once(world: World) -> None:
    told = play(world, 10, ticks=True)
    assert [each.windows for each in told] == [1] * 10
    fired = {(alert.rule, alert.feature): alert for alert in world.store.alerts.query()}
    assert {key: alert.window.start for key, alert in fired.items()} == {
        ("data-fault", "visib"): world.window(3).start,
        ("auc-floor", None): world.window(6).start,
    }
    assert fired["data-fault", "visib"].state is AlertState.RESOLVED
    assert fired["auc-floor", None].state is AlertState.FIRING
    assert [each.fired for each in told] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0], "accuracy is judged when its labels are in"
    assert sum(each.resolved for each in told) == 1
    deliveries = world.store.alerts.deliveries()
    assert sum(each.delivered for each in told) == len(deliveries) == 3
    assert all(delivery.delivered for delivery in deliveries)


def test_a_tick_right_after_a_tick_does_nothing(world: World) -> None:
    play(world, 4, ticks=True)
    assert world.scheduler().tick() != TickResult(), "a new process looks at open windows once more"
    scheduler = world.scheduler()
    scheduler.tick()
    assert scheduler.tick() == TickResult()


def test_catching_up_gives_the_same_alerts_as_ticking_daily() -> None:
    daily, once = World(rows=150, rules=RULES), World(rows=150, rules=RULES)
    play(daily, 10, ticks=True)
    play(once, 10, ticks=False)
    assert state(daily.store) == state(once.store) != []


def test_two_runs_give_the_same_alerts_and_measurements() -> None:
    one, two = World(rows=150, rules=RULES), World(rows=150, rules=RULES)
    assert play(one, 8, ticks=True) == play(two, 8, ticks=True)
    assert state(one.store) == state(two.store)
    assert one.store.measurements.query("flights") == two.store.measurements.query("flights")


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    world = World(tmp_path / "wg.duckdb", rows=150, rules=RULES)
    recorder = Recorder()
    for day in range(3):
        world.day(day)
    world.advance(3)
    world.scheduler(jobs=[recorder]).tick()
    world.store.close()
    world.store = Store.open(tmp_path / "wg.duckdb")
    world.ingest._store = world.store
    world.day(3)
    world.advance(4)
    world.scheduler(jobs=[recorder]).tick()
    assert recorder.windows_run == [world.window(day) for day in range(4)]
    world.store.close()


def test_windows_are_run_in_order_and_only_when_closed(world: World) -> None:
    recorder = Recorder()
    scheduler = world.scheduler(jobs=[recorder])
    assert scheduler.tick() == TickResult(), "no traffic, no windows"
    world.day(0)
    world.clock.advance(START + timedelta(hours=23, minutes=59))
    assert scheduler.tick().windows == 0
    world.advance(5)
    assert scheduler.tick().windows == 5
    assert recorder.windows_run == [world.window(day) for day in range(5)]


def test_until_decides_what_is_closed(world: World) -> None:
    world.day(0)
    assert world.scheduler(jobs=[Recorder()]).tick(until=world.window(2).end).windows == 3


def test_shorter_windows_start_at_midnight() -> None:
    world = World(rows=150, window_hours=6)
    world.day(0)
    world.advance(1)
    recorder = Recorder()
    assert world.scheduler(jobs=[recorder]).tick().windows == 4
    assert [window.start.hour for window in recorder.windows_run] == [0, 6, 12, 18]


def test_a_failing_job_is_tried_again_then_passed_over_and_stops_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = Recorder(failures=3), Weekly()
    scheduler = world.scheduler(jobs=[failing, TrafficJob(), other])
    world.day(0)
    world.advance(2)
    assert [scheduler.tick().failures for _ in range(4)] == [1, 1, 1, 0]
    assert failing.windows_run == [world.window(1)]
    assert "passes over" in caplog.text
    rows = world.store.measurements.query("flights", metric="traffic.rows", segment="all")
    assert [measured.value for measured in rows] == [150, 0]


def test_a_window_waits_for_the_store_however_often_it_is_unavailable(world: World) -> None:
    waiting = Recorder(failures=5, error=Unavailable("disk full"))
    scheduler = world.scheduler(jobs=[waiting])
    world.day(0)
    world.advance(1)
    assert [scheduler.tick().failures for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert waiting.windows_run == [world.window(0)]


def measured(world: World, metric: str, day: int, feature: str | None = None) -> list[tuple[float | None, int]]:
    window = world.window(day)
    found = world.store.measurements.query("flights", metric=metric, segment="all", start=window.start, end=window.end)
    return [(each.value, each.rows) for each in found if each.feature == feature]


def test_windows_are_measured_again_when_rows_come_late_but_not_judged_again(world: World) -> None:
    """As after an outage, when clients deliver what they held: also for windows before the first one there was."""
    scheduler = world.scheduler()
    for day in (1, 2, 3):
        world.day(day)
        world.advance(day + 1)
        scheduler.tick()
    ordinary = measured(world, "drift.psi", 2, "temp")
    assert measured(world, "traffic.rows", 2) == [(150, 150)]
    assert measured(world, "traffic.rows", 0) == []
    world.day(2, rows=90, temp=bend(lambda values: values + 40))
    world.day(0)
    again = world.scheduler()  # a restart in between forgets nothing
    told = again.tick()
    assert (told.windows, told.fired, told.failures) == (0, 0, 0)
    assert measured(world, "traffic.rows", 2) == [(240, 240)]
    assert measured(world, "traffic.rows", 0) == [(150, 150)]
    assert measured(world, "performance.label_coverage", 0) == [(0.0, 150)]
    assert measured(world, "drift.psi", 2, "temp")[0][1] == 240 > ordinary[0][1]
    assert measured(world, "drift.psi", 2, "temp") != ordinary
    assert again.tick() == TickResult()
    assert world.store.measurements.watermark("drift", "flights") == world.window(3).end, "no mark goes back"


def test_where_windows_begin_does_not_depend_on_which_row_came_first() -> None:
    """Weeks stay the same weeks when an older row comes and the server starts again."""
    world = World(rows=150, window_hours=168)
    recorder = Recorder()
    world.day(9)
    world.advance(20)
    world.scheduler(jobs=[recorder]).tick()
    world.day(2)
    world.advance(40)
    world.scheduler(jobs=[recorder]).tick()
    starts = [window.start for window in recorder.windows_run]
    assert len(starts) == len(set(starts)) > 3
    assert {(start - starts[0]) % timedelta(days=7) for start in starts} == {timedelta(0)}


def test_one_row_with_a_clock_at_1970_does_not_cost_decades_of_empty_windows(world: World) -> None:
    recorder = Recorder()
    scheduler = world.scheduler(jobs=[recorder])
    old = (START - datetime(1970, 1, 1, tzinfo=UTC)).days
    world.day(-old, rows=1)
    world.day(-700_000, rows=1)  # before the year 100: kept, never measured
    world.day(0)
    world.advance(2)
    told = scheduler.tick()
    assert (told.windows, told.failures) == (2, 0)
    assert recorder.windows_run == [world.window(-old), world.window(0), world.window(1)]
    world.day(2 - old, rows=1)
    scheduler.tick()
    assert recorder.windows_run[3:] == [world.window(2 - old)]


def test_a_clock_that_was_ahead_and_is_set_back_silences_nothing(world: World) -> None:
    world.config = Config(data_dir=world.config.data_dir)
    recorder = Recorder()
    world.day(0)
    world.advance(30)
    world.scheduler(jobs=[recorder]).tick()
    world.clock = ManualClock(START + timedelta(days=5))
    scheduler = world.scheduler(jobs=[recorder])
    scheduler.tick()
    world.clock.advance(START + timedelta(days=6))
    recorder.windows_run.clear()
    assert scheduler.tick().windows == 1
    assert recorder.windows_run == [world.window(5)]


def test_a_job_is_run_once_more_when_a_reference_was_replaced_under_it(world: World) -> None:
    class Replacing(Recorder):
        def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
            if not self.windows_run:
                pieces = context.store.profiles.reference("flights", "1", segment=None)
                context.store.profiles.replace_reference("flights", "1", pieces)
            return super().run(context, model, window)

    job = Replacing()
    world.day(0)
    world.advance(1)
    world.scheduler(jobs=[job]).tick()
    assert job.windows_run == [world.window(0)] * 2


def test_a_broken_model_does_not_stop_the_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recorder):
        def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
            if model.name == "broken":
                raise RuntimeError("this model")
            return super().run(context, model, window)

    broken = Model(name="broken", schema=replace(world.schema, model="broken"), settings=Settings(), created=START)
    world.store.catalog.put_model(broken)
    batch = world.day(0)
    world.store.rows.commit("broken", batch, None)
    world.advance(1)
    job = Broken()
    assert world.scheduler(jobs=[job]).tick().failures == 1
    assert job.windows_run == [world.window(0)]
    assert "broken" in caplog.text


def test_late_labels_recompute_accuracy_within_the_deadline_only(world: World) -> None:
    batch = world.day(0)
    scheduler = world.scheduler()

    def known() -> tuple[float | None, int]:
        (found,) = world.store.measurements.query(
            "flights", metric="performance.label_coverage", segment="all", end=world.window(0).end
        )
        return found.value, found.rows

    world.advance(1)
    scheduler.tick()
    assert known() == (0.0, 150)
    world.label(batch.slice(0, 75))
    world.advance(3)
    scheduler.tick()
    assert known() == (0.5, 150)
    world.label(batch.slice(75, 30))
    world.advance(30)
    scheduler.tick()
    world.label(batch.slice(105, 45))
    world.advance(31)
    scheduler.tick()
    assert known()[0] == pytest.approx(0.7), "labels after the deadline change nothing any more"


def test_accuracy_is_judged_at_the_deadline_with_the_labels_there_are(world: World) -> None:
    batch = world.day(0)
    world.label(batch, share=0.8, flip=True)
    scheduler = world.scheduler()
    for day in range(1, 8):
        world.advance(day)
        assert scheduler.tick().fired == 0
    world.advance(8)
    assert scheduler.tick().fired == 1
    (alert,) = world.store.alerts.query()
    assert "120 rows with a label (80.0 % of those predicted)" in alert.body


def test_a_job_over_several_windows_runs_once_a_stretch_and_makes_up_only_the_last(world: World) -> None:
    weekly = Weekly()
    scheduler = world.scheduler(jobs=[weekly])
    world.day(0)
    for day in (6, 7, 8, 13, 14):
        world.advance(day)
        scheduler.tick()
    assert weekly.windows_run == [world.window(0, 7), world.window(7, 7)]
    world.advance(40)
    scheduler.tick()
    assert weekly.windows_run[2:] == [world.window(28, 7)]


def test_run_job_keeps_and_returns_measurements_and_names_what_there_is(world: World) -> None:
    world.day(0)
    scheduler = world.scheduler()
    found = scheduler.run_job("flights", "traffic", world.window(0))
    assert world.store.measurements.query("flights") != []
    assert found
    assert world.store.measurements.watermark("traffic", "flights") is None, "a run by hand moves no watermark"
    with pytest.raises(NotFound, match=r"no job 'nope'; there are .*drift.*traffic"):
        scheduler.run_job("flights", "nope", world.window(0))
    with pytest.raises(NotFound):
        scheduler.run_job("unknown", "traffic", world.window(0))


def test_ticks_from_several_threads_double_nothing(world: World) -> None:
    recorder = Recorder()
    scheduler = world.scheduler(jobs=[recorder])
    world.day(0)
    world.advance(6)
    threads = [Thread(target=scheduler.tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.windows_run == [world.window(day) for day in range(6)]


def test_the_thread_ticks_with_the_systems_clock_and_never_with_a_manual_one(world: World) -> None:
    recorder = Recorder()
    world.day(0)
    world.advance(1)
    manual = world.scheduler(jobs=[recorder])
    manual.start()
    assert manual._threads == []
    config = Config(scheduler=SchedulerConfig(every_seconds=0.01))
    scheduler = Scheduler(world.store, world.ingest, world.clock, config, jobs=[recorder])  # type: ignore[arg-type]
    scheduler.start()
    until(lambda: recorder.windows_run)
    scheduler.stop()
    assert recorder.windows_run == [world.window(0)]


def test_default_jobs_leave_reports_out_of_a_replay(world: World) -> None:
    jobs = {type(job) for job in world.scheduler()._jobs}
    assert {DriftJob, PerformanceJob, QualityJob, TrafficJob} < jobs
    assert all(job.windows == 1 for job in jobs)
