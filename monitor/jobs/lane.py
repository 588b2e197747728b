"""The lane of jobs that wait for other processes: behind the windows that were judged, so that judging never waits."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager

from monitor.alerts.judge import Course, judge
from monitor.jobs import Job, JobContext
from monitor.jobs.arrivals import Arrivals
from monitor.jobs.runs import Runs, TickResult
from monitor.jobs.windows import grid
from monitor.types import Model, Window


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
        self._again: defaultdict[str, list[Window]] = defaultdict(list)

    def again(self, model: Model, windows: Sequence[Window]) -> None:
        """Have windows that rows came for after they were done measured once more; kept in memory only."""
        known = self._again[model.name]
        known += [window for window in windows if window not in known]

    def step(self, model: Model, result: TickResult) -> bool:
        """Go on by one window; return whether something was done, so that there may be more.

        The caller holds no lock, or the one of judging where nothing else is to happen meanwhile.
        """
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
        if not self._again[model.name] or not self._jobs:
            return False
        window = self._again[model.name].pop(0)
        mark = self._store.measurements.watermark(Course.EXPLAINED, model.name)
        if mark is not None and window.end <= mark:
            for job in self._jobs:
                self._runs.once(job, model, window, result, again=True)
        return True
