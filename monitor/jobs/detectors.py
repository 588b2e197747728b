"""Detectors of a model's versions, fitted once a reference: profiles read as chunks, and the laws learned from them."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from threading import Lock
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import EPOCH
from monitor.detection import Chunk, Detector
from monitor.detection.heavy import ENOUGH
from monitor.errors import InvalidInput
from monitor.jobs.columns import watched
from monitor.jobs.references import source_of
from monitor.jobs.windows import length
from monitor.profile.binning import NEW, Binning
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.pieces import merge
from monitor.types import ALL, Model, Version, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

GROWS: Final = ENOUGH
"""A column that its owner re-baselined is compared with so many windows of its own traffic, as they come."""

_MICROSECOND = timedelta(microseconds=1)
_log = logging.getLogger(__name__)


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
            if start < at and column in binning.columns
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
        own = context.pieces(model.name, span, columns=[column], version=version, segment=ALL, hours=_hourly(model))
        told, _ = chunks(own, binning, model)
        other = _watch(told.get(version, []), model, watch.basis, {})
        if other is not None and column in watch.detector.laws:
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
    memory[list(detector.laws).index(column)] = own.detector.memory[0]
    return replace(
        watch,
        detector=replace(
            detector,
            laws={**detector.laws, column: own.detector.laws[column]},
            chunks=min(detector.chunks, own.detector.chunks),
            memory=memory,
        ),
        whole={**watch.whole, column: own.whole[column]},
        since={**watch.since, column: since},
    )


def columns_of(model: Model, binning: Binning) -> list[str]:
    """Return the columns that a detector looks at: what is watched for drift, the model's answer, unknown columns."""
    return [name for name in binning.columns if watched(model, name) or name == NEW]


def window_chunks(
    context: "JobContext", model: Model, binning: Binning, window: Window
) -> tuple[dict[str, list[Chunk]], dict[str, str]]:
    """Return the chunks of live traffic in some windows, by version, and the columns that cannot be read, with why."""
    names = columns_of(model, binning)
    pieces = context.pieces(model.name, window, columns=names, segment=ALL, hours=_hourly(model))
    return chunks(pieces, binning, model)


def chunks(pieces: pa.Table, binning: Binning, model: Model) -> tuple[dict[str, list[Chunk]], dict[str, str]]:
    """Return profile pieces as chunks as long as the model's windows, by version, in order of time.

    Pieces of another binning do not compare and are left out; a column that cannot be read is left out with its reason.
    """
    current = pieces.filter(pc.equal(pieces["binning"], binning.id))
    step = length(model) // _MICROSECOND
    hours = current["hour"].cast(pa.int64()).to_numpy()
    at = current.schema.get_field_index("hour")
    floored = current.set_column(at, "hour", pa.array(hours // step * step))
    found: dict[str, dict[datetime, dict[str, ColumnProfile]]] = {}
    broken: dict[str, str] = {}
    for column in sorted(pc.unique(floored["column"]).to_pylist()):
        try:
            for version, start, profile in _column(floored, column, binning, model):
                found.setdefault(version, {}).setdefault(start, {})[column] = profile
        except (ValueError, KeyError, pa.ArrowException) as error:
            _log.error("model %s: column %r cannot be read: %s", model.name, column, error)
            broken[column] = f"{type(error).__name__}: {error}"
    return {
        version: [Chunk(start, _whole(starts[start], broken)) for start in sorted(starts)]
        for version, starts in sorted(found.items())
    }, broken


def _whole(profiles: Mapping[str, ColumnProfile], broken: Mapping[str, str]) -> dict[str, ColumnProfile]:
    return {name: profile for name, profile in profiles.items() if name not in broken}


def _column(
    pieces: pa.Table, column: str, binning: Binning, model: Model
) -> Iterator[tuple[str, datetime, ColumnProfile]]:
    merged = merge(pieces.filter(pc.equal(pieces["column"], column)), ["version", "column", "binning", "hour"])
    places = zip(merged["version"].to_pylist(), merged["hour"].to_pylist(), strict=True)
    for row, (version, micros) in enumerate(places):
        profile = read(merged.slice(row, 1), binning, model.schema)[column]
        if isinstance(profile, ColumnProfile):
            yield version, EPOCH + micros * _MICROSECOND, profile


def _hourly(model: Model) -> bool:
    """Whether days must be told apart by the hour: closed days are one piece each otherwise."""
    return model.settings.window_hours % 24 != 0
