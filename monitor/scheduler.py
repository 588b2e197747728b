"""When what is computed: every closed window of every model once, in order, and again what late rows or labels change.

How far each job has come is kept in the store with what it measured, in one transaction, so that a crash or a pause
skips nothing and doubles nothing. Nothing here depends on when `Scheduler.tick` is called, except when it is heard.
What waits for other processes goes on behind, in a thread of its own (`monitor.jobs.lane`): nothing waits for that.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from threading import Event, RLock, Thread
from typing import Final

import monitor.jobs
from monitor.alerts.digest import gather
from monitor.alerts.judge import Course, judge
from monitor.alerts.outbox import Outbox
from monitor.clock import Clock
from monitor.config import Config
from monitor.errors import NotFound
from monitor.ingest import Ingest
from monitor.jobs import Attribute, Job, JobContext
from monitor.jobs.arrivals import Arrivals
from monitor.jobs.labels import Labels, coverage
from monitor.jobs.lane import Lane
from monitor.jobs.runs import Runs, TickResult
from monitor.jobs.windows import grid, length, window_of
from monitor.plugins import plugins
from monitor.store import Store
from monitor.types import Measurement, Model, Window

CLOSED_AT: Final = 0.9
"""A window's accuracy is judged once this share of its labels is there, or the label deadline has passed."""

_log = logging.getLogger(__name__)

__all__ = ["CLOSED_AT", "Scheduler", "TickResult"]


class Scheduler:
    """Runs what is due, in its own thread or when asked.

    Args:
        store: where models, measurements, alerts and watermarks are.
        ingest: whose `pieces` are a consistent snapshot of all profiles.
        clock: what "closed" and "due" mean.
        config: how often, and where reports and links go.
        jobs: which jobs; every plug-in if not given. With a manual clock the default leaves out what covers several
            windows (reports): a replay of a year asks for the one it wants.
        attribute: explains samples of windows, where that can be done.
    """

    def __init__(
        self,
        store: Store,
        ingest: Ingest,
        clock: Clock,
        config: Config,
        jobs: Sequence[Job] | None = None,
        attribute: Attribute | None = None,
    ) -> None:
        self._store, self._clock, self._config = store, clock, config
        self._ingest = ingest
        found = plugins(monitor.jobs, Job)
        self._known = {name: job() for name, job in found.items()}
        scheduled = [job for job in self._known.values() if config.clock == "system" or job.windows == 1]
        self._jobs = scheduled if jobs is None else list(jobs)
        self._known |= {job.name: job for job in self._jobs}
        self._stop = Event()
        self.context = JobContext(
            store=store,
            pieces=ingest.pieces,
            clock=clock,
            data_dir=config.data_dir,
            base_url=config.base_url,
            stopping=self._stop,
            attribute=attribute,
            started=clock.now(),
        )
        self._outbox = Outbox(store, clock, stopping=self._stop)
        self._lock = RLock()
        self._runs = Runs(self.context)
        self._arrivals = Arrivals(store)
        slow = [job for job in self._jobs if job.slow]
        self._lane = Lane(self.context, self._runs, slow, self._arrivals, self._lock)
        self._labels = Labels()
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Tick in a thread every ``scheduler.every_seconds``; not with a manual clock, nor if disabled."""
        if self._config.clock == "manual" or not self._config.scheduler.enabled or self._threads:
            return
        self._stop.clear()
        loops = {"scheduler": self.tick, "scheduler-slow": self._slow_round}
        self._threads = [Thread(target=self._run, args=(loop,), name=name, daemon=True) for name, loop in loops.items()]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the running tick and the running slow job end, then end the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _run(self, once: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                once()
            except Exception:  # noqa: BLE001 - the thread must outlive whatever happens, and tell it
                _log.exception("a tick failed; the next one goes on where it stopped")
            self._stop.wait(self._config.scheduler.every_seconds)

    def _slow_round(self) -> None:
        """Do what is due of the slow jobs, window by window, every model in its turn."""
        due = self._store.catalog.models()
        while due and not self._stop.is_set():
            due = [model for model in due if not self._stop.is_set() and self._lane.step(model, TickResult())]

    def tick(self, until: datetime | None = None) -> TickResult:
        """Run every job over every window that has closed, judge it, and deliver what is due.

        Args:
            until: windows that end by then are closed; now, if not given.

        Returns:
            What was done. Called again at once, it does nothing.
        """
        with self._lock:
            result = TickResult()
            moment = until or self._clock.now()
            for model in self._store.catalog.models():
                try:
                    if until is None and self._config.clock == "system":
                        self._turn_back(model, moment)
                    self._tick_model(model, moment, result)
                except Exception:  # noqa: BLE001 - one model must not stop the others
                    result.failures += 1
                    _log.exception("model %s: stopped for this tick; other models go on", model.name)
            gather(self._store, self._clock.now(), self._config.base_url)
            result.delivered = self._outbox.deliver()
            return result

    def alone(self) -> AbstractContextManager[object]:
        """Return the lock that ticks hold: what owners change of a detector's memory must not meet a window."""
        return self._lock

    def run_job(self, model: str, job: str, window: Window) -> list[Measurement]:
        """Run one job over one window now, keep what it measures and return it; no rule is evaluated.

        Raises:
            NotFound: no such model or job.
        """
        if job not in self._known:
            raise NotFound(f"there is no job {job!r}; there are {', '.join(sorted(self._known))}")
        with nullcontext() if self._known[job].slow else self._lock:
            found = self._known[job].run(self.context, self._store.catalog.model(model), window)
            self._store.measurements.put(found)
            return found

    def _turn_back(self, model: Model, now: datetime) -> None:
        """Go on from now where windows after it are marked as done: the machine's clock was ahead and was set back."""
        for name in (*Course, *(job.name for job in self._jobs)):
            mark = self._store.measurements.watermark(name, model.name)
            if mark is not None and mark > now:
                _log.warning(
                    "model %s: %s had come to %s, after the present; it goes on from now", model.name, name, mark
                )
                self._store.measurements.set_watermark(name, model.name, window_of(model, now).start)

    def _tick_model(self, model: Model, until: datetime, result: TickResult) -> None:
        first = self._arrivals.first(model)
        if first is None:
            return
        plain = [job for job in self._jobs if job.windows == 1 and not job.late and not job.slow]
        marks = [self._mark(name, model, first) for name in (Course.CLOSED, *(job.name for job in plain))]
        self._run_again(model, plain, first, result)
        self._behind(model, result)
        for window in grid(model, min(marks), until):
            ran = [self._run_due(job, model, window, first, result) for job in plain]
            if not all(ran) or self._stop.is_set():
                break
            if self._mark(Course.CLOSED, model, first) < window.end:
                result.add(judge(self._store, model, window, self._clock.now(), self._config.base_url, Course.CLOSED))
            result.windows += 1
            self._behind(model, result)
        self._run_late(model, first, until, result)
        for job in self._jobs:
            if job.windows > 1 and not self._stop.is_set():
                self._run_long(job, model, first, result)

    def _behind(self, model: Model, result: TickResult) -> None:
        """Do what the slow jobs have to do behind the judged windows, here and now where they have no thread."""
        while not self._threads and not self._stop.is_set() and self._lane.step(model, result):
            pass

    def _run_again(self, model: Model, plain: Sequence[Job], first: datetime, result: TickResult) -> None:
        """Measure windows that were done when rows came for them: a client's retries after an outage, or an import.

        They are not judged again: their alerts have been told, and the next window's follow from what is there now.
        """
        before = self._store.measurements.watermark(Course.CLOSED, model.name)
        # What was measured by a version that did not look is not measured again for its sake.
        unseen = self._store.rows.last_seq(model.name) if before else 0
        windows, last = self._arrivals.fresh(model, unseen=unseen)
        judged = before or first
        done = {job: self._mark(job.name, model, first) if job in plain else judged for job in self._jobs}
        for window in windows:
            due = [job for job in self._jobs if job.windows == 1 and not job.slow and window.end <= done[job]]
            ran = [self._runs.once(job, model, window, result, again=True) for job in due]
            if not all(ran) or self._stop.is_set():
                return
        self._lane.again(model, [window for window in windows if window.end <= judged], last)
        self._arrivals.saw(model, last)

    def _run_late(self, model: Model, first: datetime, until: datetime, result: TickResult) -> None:
        """Run the jobs that wait for labels where labels changed, and judge the windows that are settled."""
        judged = self._mark(Course.LABELLED, model, first)
        deadline = timedelta(days=model.settings.label_deadline_days)
        open_since = max(first, until - deadline)
        jobs = [job for job in self._jobs if job.late]
        for window in self._labels.changed(self.context, model, list(grid(model, min(judged, open_since), until))):
            ran = [self._runs.once(job, model, window, result) for job in jobs]
            if not all(ran) or self._stop.is_set():
                self._labels.forget(model, window)
                return
        for window in grid(model, judged, until):
            if until < window.end + deadline and coverage(self._store, model, window) < CLOSED_AT:
                return
            result.add(judge(self._store, model, window, self._clock.now(), self._config.base_url, Course.LABELLED))

    def _run_long(self, job: Job, model: Model, first: datetime, result: TickResult) -> None:
        """Run a job over the latest stretch of windows that is complete and judged; earlier ones missed are told."""
        judged = self._mark(Course.CLOSED, model, first)
        start = self._mark(job.name, model, first)
        span = job.windows * length(model)
        due = (judged - start) // span
        if due < 1:
            return
        if due > 1:
            _log.warning("model %s: %d runs of %s were missed and are not made up", model.name, due - 1, job.name)
        end = start + due * span
        self._runs.once(job, model, Window(end - span, end), result)

    def _run_due(self, job: Job, model: Model, window: Window, first: datetime, result: TickResult) -> bool:
        return self._mark(job.name, model, first) >= window.end or self._runs.once(job, model, window, result)

    def _mark(self, job: str, model: Model, first: datetime) -> datetime:
        return self._store.measurements.watermark(job, model.name) or first
