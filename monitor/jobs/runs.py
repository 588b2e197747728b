"""One run of one job over one window: what it measured is kept with how far it has come, in one transaction."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.errors import Unavailable
from monitor.jobs import Job, JobContext
from monitor.types import Measurement, Model, Window

ATTEMPTS: Final = 3
"""After so many ticks a job that fails over one window is passed over there, so that the later windows go on."""

_log = logging.getLogger("monitor.scheduler")


@dataclass(slots=True)
class TickResult:
    """What one tick did. ``failures`` are runs of jobs that raised; they are logged."""

    windows: int = 0
    measurements: int = 0
    fired: int = 0
    resolved: int = 0
    delivered: int = 0
    pending: int = 0
    suppressed: int = 0
    failures: int = 0

    def add(self, changes: Counter[str]) -> None:
        """Count changes of alerts."""
        self.fired += changes["firing"]
        self.resolved += changes["resolved"]
        self.pending += changes["pending"]
        self.suppressed += changes["suppressed"]


class Runs:
    """Runs jobs, and remembers where which of them failed how often."""

    def __init__(self, context: JobContext) -> None:
        self._context, self._store = context, context.store
        self._failed: Counter[tuple[str, str, datetime]] = Counter()

    def once(self, job: Job, model: Model, window: Window, result: TickResult, *, again: bool = False) -> bool:
        """Run one job over one window and keep what it measured; return whether the next window may follow.

        ``again`` is for a window before the watermark, which then stays where it is.
        """
        try:
            found = self._measure(job, model, window)
            with self._store.transaction():
                self._store.measurements.put(found)
                if not again:
                    job.keep(self._context, model, window)
                    self._store.measurements.set_watermark(job.name, model.name, window.end)
        except Unavailable:
            result.failures += 1
            _log.exception("model %s: job %s waits for the store at %s", model.name, job.name, window.start)
            return False  # no fault of the job's: the window waits however long it takes
        except Exception:  # noqa: BLE001 - a job is a plug-in: it must not stop the others
            place = (model.name, job.name, window.start)
            self._failed[place] += 1
            result.failures += 1
            _log.exception("model %s: job %s failed over the window of %s", model.name, job.name, window.start)
            if self._failed[place] < ATTEMPTS:
                return False
            _log.error("model %s: job %s passes over the window of %s", model.name, job.name, window.start)
            if not again:
                self._store.measurements.set_watermark(job.name, model.name, window.end)
            return True
        result.measurements += len(found)
        return True

    def _measure(self, job: Job, model: Model, window: Window) -> list[Measurement]:
        """Run one job; once more where a reference was replaced meanwhile, and it may have mixed old and new."""
        while True:
            before = self._store.profiles.references_replaced(model.name)
            found = job.run(self._context, model, window)
            if self._store.profiles.references_replaced(model.name) == before:
                return found
