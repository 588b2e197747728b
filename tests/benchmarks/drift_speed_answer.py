"""A fresh process that answers from the file: ``python -m tests.benchmarks.drift_speed_answer FILE START END TIMES``.

Prints how long it took from before the file was opened until the first answer, how long later answers took, how much
memory that was, and the values.
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median

import pyarrow.dataset  # noqa: F401 - what DuckDB would import at the first answer

from monitor.clock import SystemClock
from monitor.jobs import JobContext
from monitor.jobs.drift import DriftJob
from monitor.jobs.performance import PerformanceJob
from monitor.jobs.references import References
from monitor.store import Store
from monitor.types import Measurement, Window
from tests.benchmarks.drift_speed_rows import NAME


class Answers:
    """Answers from one open store, as the server does: profiles are read each time, references are remembered."""

    def __init__(self, store: Store) -> None:
        self._context = JobContext(store=store, pieces=store.profiles.pieces, clock=SystemClock(), data_dir=Path())
        self._drift, self._accuracy = DriftJob(), PerformanceJob()

    def drift(self, window: Window) -> list[Measurement]:
        """Return every drift measure of every column over a window."""
        return self._drift.run(self._context, self._context.store.catalog.model(NAME), window)

    def accuracy(self, window: Window) -> list[Measurement]:
        """Return every accuracy measure over a window."""
        return self._accuracy.run(self._context, self._context.store.catalog.model(NAME), window)


def load() -> None:
    """Import the measures, which jobs find as plug-ins: like all other imports that is no part of an answer."""
    DriftJob(), PerformanceJob(), References()


def _peak_mb() -> float:
    """Return the most memory this process has had; what it was started from is not in it, as in ``ru_maxrss``."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def main(file: str, start: str, end: str, times: str) -> None:
    """Answer once, then so many times more, and print what it took."""
    load()
    window = Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
    began, busy = time.perf_counter(), time.process_time()
    with Store.open(Path(file)) as store:
        answers = Answers(store)
        found = answers.drift(window)
        first, first_cpu = time.perf_counter() - began, time.process_time() - busy
        found += answers.accuracy(window)
        taken = []
        for _ in range(int(times)):
            started = time.perf_counter()
            answers.drift(window)
            answers.accuracy(window)
            taken.append(time.perf_counter() - started)
    said = {
        "first_s": first,
        "first_cpu_s": first_cpu,
        "query_ms": median(taken) * 1e3 if taken else None,
        "peak_rss_mb": _peak_mb(),
        "rows": max((each.rows for each in found), default=0),
        "drifted": sorted({each.feature or "" for each in found if each.status == "breach"}),
        "measurements": len(found),
    }
    print(json.dumps(said))  # noqa: T201 - it is read by the benchmark


if __name__ == "__main__":
    main(*sys.argv[1:])
