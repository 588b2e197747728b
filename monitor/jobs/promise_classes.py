"""What the reference of a multiclass model says of the scores of each class, before labels come."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from monitor.estimation.calibration import Calibration
from monitor.estimation.classes import DECIDED, calibrations, covers, decided, promised, scatter
from monitor.jobs import JobContext
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import Binning
from monitor.profile.class_scores import CLASS_SCORES, by_class
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.profile.values import Floats
from monitor.types import ALL, Model, Task, Window

Chunk = tuple[float, float, float]
"""What a chunk was promised, what it came to, and how far chance scatters that."""


@dataclass(frozen=True, eq=False)
class ByClass:
    """How often the scores of each class came true.

    Attributes:
        reference: the outcome of all the reference's labelled rows.
        curves: of each class that is told apart.
    """

    reference: Outcome
    curves: tuple[Calibration, ...]

    def foresee(
        self, scores: Floats, measures: Sequence[PerformanceMeasure], predicted: Floats | None = None
    ) -> list[tuple[float, float] | None]:
        """Return what rows by (class, score bin) promise of each measure, and how far chance scatters it.

        None where they do not say. Without ``predicted``, rows by predicted class, measures that need these are None.
        """
        known = [each for each in measures if covers(each.name, len(self.reference.schema.classes))]
        if not known or not scores.sum():
            return [None] * len(measures)
        told = None if predicted is None else decided(self.reference, self.curves, scores, predicted)
        known = [each for each in known if told is not None or each.name not in DECIDED]
        foreseen = promised(self.reference, self.curves, scores, told)
        chances = scatter(self.reference, self.curves, scores, [each.value for each in known], told)
        given = {}
        for each, chance in zip(known, chances, strict=True):
            value = each.value(foreseen)
            if value is not None and np.isfinite(chance):
                given[each.name] = (value, chance)
        return [given.get(each.name) for each in measures]


def by_classes(
    chunks: Sequence[Outcome], measures: Sequence[PerformanceMeasure]
) -> tuple[ByClass, dict[str, list[Chunk]]] | None:
    """Return what a reference, cut into chunks, says, and how each chunk was promised by the others.

    None where a class has no labelled scores.
    """
    chunks = [chunk for chunk in chunks if chunk.scored]
    if not chunks:
        return None
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    sides = whole.score_counts.astype(np.float64)
    curves = calibrations(sides)
    if curves is None:
        return None
    rows: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        own = chunk.score_counts.astype(np.float64)
        others = calibrations(sides - own)
        if others is None:
            continue
        predicted = chunk.confusion.sum(axis=0).astype(np.float64)
        said = ByClass(whole - chunk, others).foresee(own.sum(axis=1), measures, predicted)
        for measure, given in zip(measures, said, strict=True):
            truth = measure.value(chunk)
            if given is not None and truth is not None:
                rows.setdefault(measure.name, []).append((given[0], truth, given[1]))
    return ByClass(whole, curves), rows


def class_scores(context: JobContext, model: Model, binning: Binning, window: Window) -> dict[str, Floats]:
    """Return a window's rows by (class, score bin), by version; none for other tasks."""
    if model.schema.task is not Task.MULTICLASS:
        return {}
    pieces = context.pieces(model.name, window, columns=[CLASS_SCORES], segment=ALL)
    merged = merge(pieces.filter(pc.equal(pieces["binning"], binning.id)), ["version", "column", "binning"])
    rows = zip(merged["version"].to_pylist(), merged["counts"], strict=True)
    return {version: by_class(counts.values.to_numpy(), model.schema) for version, counts in rows}
