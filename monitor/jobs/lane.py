"""The lane of jobs that wait for other processes: behind the windows that were judged, so that judging never waits."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager

from monitor.alerts.judge import Course, judge
from monitor.jobs import Job, JobContext
from monitor.jobs.arrivals import Arrivals
from monitor.jobs.runs import Runs, TickResult
from monitor.jobs.windows import grid, window_of
from monitor.types import Model, Window

_log = logging.getLogger("monitor.scheduler")


class Lane:
    """Runs slow jobs over judged windows, one at a time, and judges what rules say of what these measure.

    Args:
        context: what jobs work with.
        runs: runs them.
        jobs: which; none: there is nothing to do.
        arrivals: says where a model's windows begin.
        judging: held while a window is judged, never while a job runs.
    """

    def __init__(
        self,
        context: JobContext,
        runs: Runs,
        jobs: Sequence[Job],
        arrivals: Arrivals,
        judging: AbstractContextManager[object],
    ) -> None:
        self._context, self._store, self._runs = context, context.store, runs
        self._jobs, self._arrivals, self._judging = jobs, arrivals, judging

    def again(self, model: Model, windows: Sequence[Window], up_to_seq: int) -> None:
        """Have windows that rows, up to a seq, came for after they were done measured once more; kept in the store."""
        if self._jobs and windows:
            self._store.measurements.put_again(model.name, [window.start for window in windows], up_to_seq)

    def step(self, model: Model, result: TickResult) -> bool:
        """Go on by one window; return whether something was done, so that there may be more.

        The caller holds no lock, or the one of judging where nothing else is to happen meanwhile. What fails is logged
        and counted, and is tried again in the next round.
        """
        try:
            return self._go_on(model, result)
        except Exception:  # noqa: BLE001 - one model must stop neither the others nor the windows that are judged
            result.failures += 1
            _log.exception("model %s: its slow jobs stop for this round; other models go on", model.name)
            return False

    def _go_on(self, model: Model, result: TickResult) -> bool:
        window = self._due(model)
        if window is None:
            return self._once_more(model, result)
        if not all(self._ran(job, model, window, result) for job in self._jobs):
            return False
        now = self._context.clock.now()
        with self._judging:
            result.add(judge(self._store, model, window, now, self._context.base_url, Course.EXPLAINED))
        return True

    def _ran(self, job: Job, model: Model, window: Window, result: TickResult) -> bool:
        mark = self._store.measurements.watermark(job.name, model.name)
        return (mark is not None and mark >= window.end) or self._runs.once(job, model, window, result)

    def _due(self, model: Model) -> Window | None:
        """Return the first window that was judged as closed and not in this lane."""
        judged = self._store.measurements.watermark(Course.CLOSED, model.name)
        first = self._arrivals.first(model)
        if not self._jobs or judged is None or first is None:
            return None
        mark = self._store.measurements.watermark(Course.EXPLAINED, model.name)
        if mark is None:
            # What was measured before there was a lane was judged together with all else.
            done = [self._store.measurements.watermark(job.name, model.name) for job in self._jobs]
            mark = min((each for each in done if each is not None), default=first)
            self._store.measurements.set_watermark(Course.EXPLAINED, model.name, mark)
        return next(grid(model, mark, judged), None)

    def _once_more(self, model: Model, result: TickResult) -> bool:
        known = self._store.measurements.next_again(model.name) if self._jobs else None
        if known is None:
            return False
        start, up_to_seq = known
        window, mark = window_of(model, start), self._store.measurements.watermark(Course.EXPLAINED, model.name)
        if mark is not None and window.end <= mark:
            ran = [self._runs.once(job, model, window, result, again=True) for job in self._jobs]
            if not all(ran):
                return False
        self._store.measurements.done_again(model.name, start, up_to_seq)
        return True
