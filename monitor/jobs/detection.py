"""The calibrated detector over a model's windows: evidence of change by version and column, and what it remembers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from monitor.alerts.rules import QUIET_WINDOWS
from monitor.detection import State
from monitor.jobs import Job, JobContext
from monitor.jobs.chunks import window_chunks
from monitor.jobs.classifier import heard, separations
from monitor.jobs.steps import EVIDENCE, Step, measurements, step
from monitor.schema.calendar import event_of
from monitor.store.detections import Snapshot
from monitor.types import Measurement, Model, Window


class DetectionJob(Job):
    """Measures ``detection.*`` of each column and of the model, over all traffic of each version.

    What a detector remembers is kept in the transaction of its measurements and of the job's watermark: a kill steps
    nothing twice. A window that is measured again, for rows that came late, is judged anew from what was remembered
    before it, and what was remembered after it stays as it was: what an owner was told is not taken back. Only where
    all of a version's rows came late, so that nothing is remembered of that window or a later one, it is taken in once
    the next window closes: what came by then is whole, and not the first part of a batch that is still on its way.
    """

    name: ClassVar[str] = "detection"

    def __init__(self) -> None:
        self._taken: list[Step] = []

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Step each version's detector by the windows that came late and by the window; nothing is kept yet."""
        remembered, late = _remembered(context, model, window.start), _late(context, model, window)
        self._taken = []
        for due, versions in late.items():
            for taken in steps(context, model, due, remembered):
                if taken.version in versions:
                    self._taken.append(taken)
                    remembered[taken.version] = (taken.watch.basis, taken.after)
        self._taken += steps(context, model, window, remembered)
        return [found for taken in self._taken for found in measurements(model, taken)]

    def keep(self, context: JobContext, model: Model, window: Window) -> None:
        """Keep what the detectors remember after the windows that were run last."""
        for taken in self._taken:
            if taken.window.end <= window.end:
                keep(context, model, taken)


def keep(context: JobContext, model: Model, taken: Step) -> None:
    """Keep what a step left behind."""
    snapshot = Snapshot(taken.version, taken.window.end, taken.watch.basis, taken.after.to_json())
    context.store.detections.put(model.name, snapshot)


def steps(context: JobContext, model: Model, window: Window, remembered: Mapping[str, tuple[str, State]]) -> list[Step]:
    """Take one window in, version by version; a version without traffic or reference takes no step.

    Args:
        context: where profiles and references are.
        model: whose.
        window: which.
        remembered: by version, the basis of what its detector remembers, and that.
    """
    binning = context.store.catalog.binning(model.name)
    if binning is None or model.settings.dial is None:
        return []
    found, unreadable = window_chunks(context, model, binning, window)
    told = separations(context, model, window)
    taken = []
    for version, chunks in found.items():
        watch = context.detectors.of(context, model, version, window.start)
        if watch is None:
            continue
        watch = replace(watch, broken={**watch.broken, **unreadable})
        basis, state = remembered.get(version, ("", watch.detector.start()))
        before = state if basis == watch.basis else watch.detector.start()
        chunk = heard(watch, version, chunks[0], told)
        taken.append(step(version, window, watch, chunk, before, event_of(model, window)))
    return taken


def _remembered(context: JobContext, model: Model, at: datetime) -> dict[str, tuple[str, State]]:
    """Return what each version's detector remembers of the windows that had ended by a moment."""
    return {
        found.version: (found.basis, State.from_json(found.state))
        for found in context.store.detections.latest(model.name, at)
    }


def _late(context: JobContext, model: Model, window: Window) -> dict[Window, set[str]]:
    """Return the windows before one, in order, that versions had rows in only later, and nobody heard of since.

    Not those that lie so far back that a version counts as one that no longer serves.
    """
    if model.settings.dial is None:
        return {}
    start = window.start - QUIET_WINDOWS * window.length
    reached = {found.version: found.until for found in context.store.detections.latest(model.name)}
    late: dict[Window, set[str]] = {}
    for version in {*reached, *(each.version for each in context.store.catalog.versions(model.name))}:
        heard = reached.get(version, start)
        if heard >= window.start:
            continue
        for given in context.store.measurements.query(
            model.name, metric=EVIDENCE, version=version, start=max(start, heard), end=window.start
        ):
            if given.window.length == window.length and given.window.end <= window.start:
                late.setdefault(given.window, set()).add(version)
    return dict(sorted(late.items(), key=lambda each: each[0].start))
