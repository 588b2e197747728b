"""Detectors of a model's versions, fitted once a reference: profiles read as chunks, and the laws learned from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import add
from threading import Lock
from typing import TYPE_CHECKING, Final

from monitor.detection import Chunk, Detector
from monitor.detection.heavy import ENOUGH
from monitor.errors import InvalidInput
from monitor.jobs.chunks import chunks, columns_of, hourly
from monitor.jobs.references import source_of
from monitor.jobs.windows import length
from monitor.profile.binning import Binning
from monitor.profile.column import ColumnProfile
from monitor.profile.comoments import JOINT
from monitor.types import ALL, Model, Version, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

GROWS: Final = ENOUGH
"""A column that its owner re-baselined is compared with so many windows of its own traffic, as they come."""


@dataclass(frozen=True, eq=False)
class Watch:
    """A detector and what it was fitted on.

    Attributes:
        detector: the laws, at the owner's dial.
        whole: by column, all of the reference (or of the traffic that replaced it), for effect sizes.
        basis: what evidence is measured against, in one line; evidence of another basis does not go on.
        broken: columns whose reference cannot be read, and why.
        since: columns that are compared with their own traffic, and from when on.
    """

    detector: Detector
    whole: Mapping[str, ColumnProfile]
    basis: str
    broken: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)


class Detectors:
    """Fitted detectors, remembered until the reference, the binning or a baseline changes. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[tuple[str, str], tuple[object, Watch | None]] = {}
        self._grown: dict[tuple[str, str], tuple[object, Watch]] = {}

    def of(self, context: "JobContext", model: Model, version: str, at: datetime) -> Watch | None:
        """Return what watches a version in the window that begins at a moment; None where there is no reference.

        A version without a reference of its own is compared with that of the latest version before it which has one.
        """
        store = context.store
        binning = store.catalog.binning(model.name)
        source = source_of(store.catalog.versions(model.name), version)
        if binning is None or source is None or source.reference is None:
            return None
        since = {
            column: start
            for column, start in store.detections.baselines(model.name, version).items()
            if start < at and (column in binning.columns or column == JOINT)
        }
        grown = {column: min(at, start + GROWS * length(model)) for column, start in since.items()}
        basis = _basis(model, binning, source)
        stamp = (basis, store.profiles.references_replaced(model.name), model.schema)
        spans = {column: Window(since[column], grown[column]) for column in since}
        place = (model.name, version)
        with self._lock:
            if place not in self._known or self._known[place][0] != stamp:
                self._known[place] = (stamp, _fitted(context, model, binning, source, basis))
                self._grown.pop(place, None)
            found = self._known[place][1]
            if found is not None and spans:
                if place not in self._grown or self._grown[place][0] != spans:
                    self._grown[place] = (spans, _regrown(context, model, binning, version, found, spans))
                found = self._grown[place][1]
        dial = model.settings.dial or 1.0
        return found if found is None else replace(found, detector=found.detector.with_dial(dial))


def _basis(model: Model, binning: Binning, source: Version) -> str:
    window = source.reference
    span = f"{window.start.isoformat()}/{window.end.isoformat()}" if window else ""
    return f"{binning.id} {source.version} {span} {source.reference_rows} {model.settings.window_hours}h"


def _fitted(context: "JobContext", model: Model, binning: Binning, source: Version, basis: str) -> Watch | None:
    pieces = context.store.profiles.reference(model.name, source.version, columns=columns_of(model, binning))
    found, broken = chunks(pieces, binning, model)
    return _watch(found.get(source.version, []), model, basis, broken)


def _regrown(
    context: "JobContext", model: Model, binning: Binning, version: str, watch: Watch, spans: Mapping[str, Window]
) -> Watch:
    """Return a watch whose re-baselined columns are compared with their own traffic in some spans."""
    for column, span in sorted(spans.items()):
        own = context.pieces(model.name, span, columns=[column], version=version, segment=ALL, hours=hourly(model))
        told, _ = chunks(own, binning, model)
        other = _watch(told.get(version, []), model, watch.basis, {})
        if other is not None and (column in watch.detector.laws or column == JOINT):
            watch = _rebased(watch, other, column, span.start)
    return watch


def _watch(found: list[Chunk], model: Model, basis: str, broken: Mapping[str, str]) -> Watch | None:
    try:
        detector = Detector.fit(found, dial=model.settings.dial or 1.0, length=length(model))
    except InvalidInput:
        return None  # no chunk of the reference was profiled
    whole = {
        name: reduce(add, [each.profiles[name] for each in found if name in each.profiles]) for name in detector.laws
    }
    return Watch(detector, whole, basis, broken)


def _rebased(watch: Watch, own: Watch, column: str, since: datetime) -> Watch:
    """Return a watch in which one column is compared with its own traffic; a detector is as calibrated as that."""
    detector = watch.detector
    memory = detector.memory.copy()
    known = min(detector.chunks, own.detector.chunks)
    if column == JOINT:
        memory[-1] = own.detector.memory[-1]
        together = replace(detector, joint=own.detector.joint, chunks=known, memory=memory)
        return replace(watch, detector=together, since={**watch.since, column: since})
    memory[list(detector.laws).index(column)] = own.detector.memory[0]
    return replace(
        watch,
        detector=replace(
            detector,
            laws={**detector.laws, column: own.detector.laws[column]},
            chunks=known,
            memory=memory,
        ),
        whole={**watch.whole, column: own.whole[column]},
        since={**watch.since, column: since},
    )
