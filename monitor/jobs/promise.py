"""What a version's reference says of scores before their labels come, read once until it changes.

Its own chunks, as long as the model's windows, are the first labelled windows an estimate is judged by: each is
promised by the calibration of all the others, so that none is judged by its own labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.estimation.anchor import Past
from monitor.estimation.calibration import Calibration, calibrate
from monitor.estimation.expected import promised, scatter
from monitor.jobs.references import source_of
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import read
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.store import Store
from monitor.types import Model

FEWEST_ROWS: Final = 50
CHUNKS: Final = 60
"""Chunks of the reference with fewer labelled rows are left out; the latest so many are read."""


@dataclass(frozen=True, eq=False)
class Promise:
    """What one version's scores promise in one segment.

    Attributes:
        reference: the outcome of all the reference's labelled rows.
        calibration: how often its scores came true.
        past: by a measure's name, the reference's chunks.
    """

    reference: Outcome
    calibration: Calibration
    past: Mapping[str, Past]


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
            pieces = store.profiles.reference(model.name, source.version, columns=[OUTCOME], segment=None)
            self._stamps[place], self._known[place] = stamp, _load(pieces, model, binning, measures)
        return self._known[place]


def _load(
    pieces: pa.Table, model: Model, binning: Binning, measures: Sequence[PerformanceMeasure]
) -> dict[str, Promise]:
    pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
    found = {}
    for segment in pc.unique(pieces["segment"]).to_pylist():
        chunks = outcomes(pieces.filter(pc.equal(pieces["segment"], segment)), binning, model)
        promise = promise_of(chunks, measures)
        if promise is not None:
            found[segment] = promise
    return found


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
        foreseen = promised(whole, others, own.sum(axis=0))
        chances = scatter(whole, others, own.sum(axis=0), [measure.value for measure in measures])
        for measure, chance in zip(measures, chances, strict=True):
            promise, truth = measure.value(foreseen), measure.value(chunk)
            if promise is not None and truth is not None and np.isfinite(chance):
                rows[measure.name].append((promise, truth, chance))
    return Promise(whole, calibration, {name: past_of(found) for name, found in rows.items()})


def past_of(rows: Sequence[tuple[float, float, float]]) -> Past:
    """Return labelled windows from (promised, realised, chance) each."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Past(table[:, 0], table[:, 1], table[:, 2])


def outcomes(pieces: pa.Table, binning: Binning, model: Model) -> list[Outcome]:
    """Return one segment's outcome in each stretch that is as long as a window of the model, in order of time."""
    length = model.settings.window_hours * 3_600_000_000
    hours = pieces["hour"].cast(pa.int64()).to_numpy()
    at = pieces.schema.get_field_index("hour")
    merged = merge(pieces.set_column(at, "hour", pa.array(hours // length)), ["column", "binning", "hour"])
    parts = (read(merged.slice(row, 1), binning, model.schema)[OUTCOME] for row in range(merged.num_rows))
    return [part for part in parts if isinstance(part, Outcome)]
