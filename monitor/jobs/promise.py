"""What a version's reference says of scores before their labels come, read once until it changes.

Its own chunks, as long as the model's windows, are the first labelled windows an estimate is judged by: each is
promised by the calibration of all the others, so that none is judged by its own labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.estimation.anchor import Past
from monitor.estimation.calibration import Calibration, calibrate
from monitor.estimation.expected import promised, scatter
from monitor.estimation.losses import losses, realised
from monitor.jobs.promise_classes import ByClass, by_classes
from monitor.jobs.references import source_of
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.profile.residuals import RESIDUALS, Residuals, grouped, scale_of
from monitor.profile.values import Floats
from monitor.store import Store
from monitor.types import ALL, Model, Task

FEWEST_ROWS: Final = 50
CHUNKS: Final = 60
"""Chunks of the reference with fewer labelled rows are left out; the latest so many are read."""


@dataclass(frozen=True, eq=False)
class ByScore:
    """Of a binary task: how often scores came true.

    Attributes:
        reference: the outcome of all the reference's labelled rows.
        calibration: how often its scores came true.
    """

    reference: Outcome
    calibration: Calibration

    def foresee(
        self, scores: ColumnProfile, measures: Sequence[PerformanceMeasure]
    ) -> list[tuple[float, float] | None]:
        """Return what scores promise of each measure, and how far chance scatters it; None where they do not say."""
        return self.foresee_rows(scores.bins.astype(np.float64), measures)

    def foresee_rows(self, rows: Floats, measures: Sequence[PerformanceMeasure]) -> list[tuple[float, float] | None]:
        """The same for rows by score bin."""
        if not rows.sum():
            return [None] * len(measures)
        foreseen = promised(self.reference, self.calibration, rows)
        chances = scatter(self.reference, self.calibration, rows, [measure.value for measure in measures])
        values = [measure.value(foreseen) for measure in measures]
        return [
            (value, chance) if value is not None and np.isfinite(chance) else None
            for value, chance in zip(values, chances, strict=True)
        ]

    def unsupported(self, scores: ColumnProfile) -> float:
        """Return the share of scores where the reference has no labelled rows."""
        return self.calibration.unsupported(scores.bins.astype(np.float64))

    def strays(self, scores: ColumnProfile, answered: ColumnProfile | None) -> float:
        """Return the least share of predictions that cannot have followed the threshold."""
        rows = scores.bins.astype(np.float64)
        if answered is None or not answered.present or not rows.sum():
            return 0.0
        above = rows[self.reference.edges[:-1] >= self.reference.schema.threshold].sum() / rows.sum()
        return float(abs(above - answered.bins[1] / answered.present))


@dataclass(frozen=True, eq=False)
class ByResidual:
    """Of other tasks: how far predictions were off, by what was predicted."""

    reference: Residuals

    def foresee(
        self, scores: ColumnProfile, measures: Sequence[PerformanceMeasure]
    ) -> list[tuple[float, float] | None]:
        """Likewise; of a multiclass task the accuracy alone."""
        return losses(self.reference, grouped(scores.mass), [measure.name for measure in measures])

    def unsupported(self, scores: ColumnProfile) -> float:
        """Return the share of predictions beyond all of the reference."""
        return (scores.below + scores.above) / scores.present if scores.present else 0.0


@dataclass(frozen=True, eq=False)
class Promise:
    """What one version's scores promise in one segment.

    Attributes:
        foresight: what the reference says of scores.
        past: by a measure's name, the reference's chunks.
        classes: of a multiclass task what the scores of each class say, for the measures that residuals do not give.
    """

    foresight: ByScore | ByResidual
    past: Mapping[str, Past]
    classes: ByClass | None = None


class Promises:
    """Remembers what was read of references. Used by one thread at a time, as jobs are."""

    def __init__(self) -> None:
        self._stamps: dict[tuple[str, str], object] = {}
        self._known: dict[tuple[str, str], dict[str, Promise]] = {}

    def of(
        self, store: Store, model: Model, binning: Binning, version: str, measures: Sequence[PerformanceMeasure]
    ) -> Mapping[str, Promise]:
        """Return by segment what the reference that speaks for a version promises; empty without labels in it."""
        source = source_of(store.catalog.versions(model.name), version)
        if source is None:
            return {}
        place = (model.name, source.version)
        stamp = (store.profiles.references_replaced(model.name), binning.id, model.schema, model.settings)
        if self._stamps.get(place) != stamp:
            pieces = store.profiles.reference(model.name, source.version, columns=[OUTCOME, RESIDUALS], segment=None)
            self._stamps[place], self._known[place] = stamp, _load(pieces, model, binning, measures)
        return self._known[place]


def _load(
    pieces: pa.Table, model: Model, binning: Binning, measures: Sequence[PerformanceMeasure]
) -> dict[str, Promise]:
    pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
    found = {}
    for segment in pc.unique(pieces["segment"]).to_pylist():
        part = pieces.filter(pc.equal(pieces["segment"], segment))
        if model.schema.task is Task.BINARY:
            promise = promise_of(outcomes(part, binning, model), measures)
        else:
            promise = promise_by_residuals(residuals(part, binning, model), [measure.name for measure in measures])
            if promise is not None and model.schema.task is Task.MULTICLASS and segment == ALL:
                promise = _with_classes(promise, outcomes(part, binning, model), measures)
        if promise is not None:
            found[segment] = promise
    return found


def _with_classes(promise: Promise, chunks: Sequence[Outcome], measures: Sequence[PerformanceMeasure]) -> Promise:
    found = by_classes([chunk for chunk in chunks if chunk.scored >= FEWEST_ROWS][-CHUNKS:], measures)
    if found is None:
        return promise
    past = {name: past_of(rows) for name, rows in found[1].items()}
    return replace(promise, past={**promise.past, **past}, classes=found[0])


def promise_of(chunks: Sequence[Outcome], measures: Sequence[PerformanceMeasure]) -> Promise | None:
    """Return what a reference, cut into chunks, promises of a binary task; None without scored labels."""
    if not chunks:
        return None
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    sides = whole.score_counts[0].astype(np.float64)
    calibration = calibrate(*sides)
    if calibration is None:
        return None
    rows: dict[str, list[tuple[float, float, float]]] = {measure.name: [] for measure in measures}
    for chunk in [chunk for chunk in chunks if chunk.scored >= FEWEST_ROWS][-CHUNKS:]:
        own = chunk.score_counts[0].astype(np.float64)
        others = calibrate(*(sides - own))
        if others is None:
            continue
        foreseen = ByScore(whole, others).foresee_rows(own.sum(axis=0), measures)
        for measure, given in zip(measures, foreseen, strict=True):
            truth = measure.value(chunk)
            if given is not None and truth is not None:
                rows[measure.name].append((given[0], truth, given[1]))
    return Promise(ByScore(whole, calibration), {name: past_of(found) for name, found in rows.items()})


def promise_by_residuals(chunks: Sequence[Residuals], names: Sequence[str]) -> Promise | None:
    """Return what a reference, cut into chunks, promises of a regression or a multiclass task; None without labels."""
    chunks = [chunk for chunk in chunks if chunk.rows.sum() >= 1]
    if not chunks:
        return None
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for chunk in [chunk for chunk in chunks if chunk.rows.sum() >= FEWEST_ROWS][-CHUNKS:]:
        truth = realised(chunk)
        for name, given in zip(names, losses(whole - chunk, chunk.rows, names), strict=True):
            if given is not None:
                rows[name].append((given[0], truth[name], given[1]))
    return Promise(ByResidual(whole), {name: past_of(found) for name, found in rows.items()})


def past_of(rows: Sequence[tuple[float, float, float]]) -> Past:
    """Return labelled windows from (promised, realised, chance) each."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Past(table[:, 0], table[:, 1], table[:, 2])


def outcomes(pieces: pa.Table, binning: Binning, model: Model) -> list[Outcome]:
    """Return one segment's outcome in each stretch that is as long as a window of the model, in order of time."""
    merged = _stretches(pieces.filter(pc.equal(pieces["column"], OUTCOME)), model)
    parts = (read(merged.slice(row, 1), binning, model.schema)[OUTCOME] for row in range(merged.num_rows))
    return [part for part in parts if isinstance(part, Outcome)]


def residuals(pieces: pa.Table, binning: Binning, model: Model) -> list[Residuals]:
    """Return one segment's residuals in each stretch that is as long as a window of the model, in order of time."""
    merged = _stretches(pieces.filter(pc.equal(pieces["column"], RESIDUALS)), model)
    scale = scale_of(model.schema, binning)
    return [Residuals.of(row.values.to_numpy(), scale) for row in merged["counts"]]


def _stretches(pieces: pa.Table, model: Model) -> pa.Table:
    length = model.settings.window_hours * 3_600_000_000
    hours = pieces["hour"].cast(pa.int64()).to_numpy()
    at = pieces.schema.get_field_index("hour")
    return merge(pieces.set_column(at, "hour", pa.array(hours // length)), ["column", "binning", "hour"])
