"""How much was asked, how fast the answers were, and what they were on average."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from monitor.alerts.text import subject
from monitor.jobs import Job, JobContext
from monitor.jobs.cells import cells
from monitor.profile.binning import DEVICE, LATENCY, MEMORY, SCORE
from monitor.profile.column import ColumnProfile
from monitor.types import ALL, Measurement, Model, Scalar, Status, Task, Window

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_TIMED = {LATENCY: ("latency", "ms"), DEVICE: ("device_time", "ms"), MEMORY: ("device_memory", "MiB")}
_LIVE = timedelta(days=1)
_AT_CLOSE = ("in_time", "watched")
METRICS = (
    "traffic.rows",
    "traffic.score_mean",
    *(f"traffic.{name}_{q}" for name, _ in _TIMED.values() for q in _QUANTILES),
)
"""Everything it measures."""


class TrafficJob(Job):
    """Measures ``traffic.rows``, ``traffic.latency_p50|p95|p99`` (ms) and ``traffic.score_mean``.

    Where rows carry them also ``traffic.device_time_p50|p95|p99`` (ms) and ``traffic.device_memory_p50|p95|p99`` (MiB).

    A window without a single row measures 0 rows of the newest version, so that silence can be alarmed on. Of all rows
    of a window that is measured within a day of its end ``details["in_time"]`` is how many were there then, however
    many come later, and ``watched`` whether this server ran during all of it.
    """

    name: ClassVar[str] = "traffic"

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Measure every version and segment that predicted something in the window."""
        found = []
        for cell in cells(context, model, window, ColumnProfile, columns=[SCORE, *_TIMED]):
            if cell.profile is None:
                continue
            place = (model, window, cell.version, cell.segment)
            profile = cell.profile
            if cell.column == SCORE:
                found.append(_measured(*place, "rows", float(profile.rows), profile.rows, title="traffic", unit="rows"))
                found.append(_mean(*place, profile))
            else:
                name, unit = _TIMED[cell.column]
                found += [
                    _measured(*place, f"{name}_{level}", profile.quantile(q), profile.present, unit=unit)
                    for level, q in _QUANTILES.items()
                    if profile.present
                ]
        return _as_it_closed(context, window, found or _silence(context, model, window))


def _mean(model: Model, window: Window, version: str, segment: str, profile: ColumnProfile) -> Measurement:
    """Return the mean of the answers, called as on the pages and in its unit."""
    schema, name = model.schema, subject(model, SCORE)
    unit = schema.target_unit if schema.task is Task.REGRESSION else "share" if schema.classes else ""
    title = f"mean {name[:1].lower()}{name[1:]}"
    place = (model, window, version, segment)
    return _measured(*place, "score_mean", profile.mean, profile.present, title=title, unit=unit)


def _measured(
    model: Model, window: Window, version: str, segment: str, name: str, value: float, rows: int, **details: Scalar
) -> Measurement:
    known = math.isfinite(value)
    return Measurement(
        model=model.name,
        version=version,
        metric=f"traffic.{name}",
        segment=segment,
        window=window,
        value=value if known else None,
        rows=rows,
        status=Status.OK if known else Status.INSUFFICIENT,
        details=details,
    )


def _as_it_closed(context: JobContext, window: Window, found: list[Measurement]) -> list[Measurement]:
    """Add how many rows were there when the window closed; of one that was measured before, what was known then."""
    rows = [each for each in found if each.metric == "traffic.rows" and each.segment == ALL]
    if not rows:
        return found
    before = {
        each.version: {name: each.details[name] for name in _AT_CLOSE if name in each.details}
        for each in context.store.measurements.query(
            rows[0].model, metric="traffic.rows", segment=ALL, start=window.start, end=window.end
        )
        if each.window == window
    }
    live = not before and context.clock.now() - window.end <= max(window.length, _LIVE)
    watched = context.started is None or context.started <= window.start
    for given in rows:
        known = {"in_time": given.rows, "watched": watched} if live else before.get(given.version, {})
        found[found.index(given)] = replace(given, details={**given.details, **known})
    return found


def _silence(context: JobContext, model: Model, window: Window) -> list[Measurement]:
    """Zero rows of the newest version; nothing where rows are captured but not profiled yet."""
    versions = context.store.catalog.versions(model.name)
    if not versions or context.store.catalog.binning(model.name) is None:
        return []
    return [_measured(model, window, versions[-1].version, ALL, "rows", 0.0, 0, title="traffic", unit="rows")]
