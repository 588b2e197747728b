"""Whether the labels of a window are of typical predictions, and what measures come to where they are not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.estimation.expected import reweighted
from monitor.estimation.losses import losses
from monitor.estimation.missing import Missing, missing
from monitor.jobs import JobContext
from monitor.jobs.typical_classes import ByClass, by_class
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import Binning
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.profile.residuals import RESIDUALS, Residuals, grouped, scale_of
from monitor.types import Model, Task, Window

Seen = Mapping[tuple[str, str], Residuals]
"""Residuals of labelled rows by version and segment."""
WHOLE = 0.95
"""The share of the judged rows that residuals must cover to speak for them."""


@dataclass(frozen=True, slots=True)
class Typical:
    """How the scores of predictions with a label differ from the others'.

    Attributes:
        missing: the comparison; of a multiclass task by predicted class, where that differs and scores do not, or less.
        outcome: of a binary task, weighted by score bin as if no label were missing; None unless they differ, and where
            many predictions have scores like those of no label.
        residuals: of another task, the labelled rows by group of scores; None in the latter case.
        scores: all rows by group of scores, [G].
        classes: of a multiclass task, where ``missing`` is by predicted class.
    """

    missing: Missing
    outcome: Outcome | None = None
    residuals: Residuals | None = None
    scores: tuple[float, ...] = ()
    classes: ByClass | None = None

    def reweighted(self, measure: PerformanceMeasure) -> float | None:
        """Return a measure as if no label were missing; None where labels are typical, or scores do not say it."""
        if not self.missing.differs:
            return None
        if self.classes is not None:
            return self.classes.reweighted(measure)
        if self.outcome is not None:
            return measure.value(self.outcome)
        if self.residuals is None:
            return None
        (given,) = losses(self.residuals, np.array(self.scores), [measure.name])
        return None if given is None else given[0]


def seen(context: JobContext, model: Model, binning: Binning | None, window: Window) -> Seen:
    """Return the residuals of a window's labelled rows; none for a binary task, whose outcome has the scores."""
    if binning is None or model.schema.task is Task.BINARY:
        return {}
    return residuals_of(context.pieces(model.name, window, columns=[RESIDUALS]), model, binning)


def residuals_of(pieces: pa.Table, model: Model, binning: Binning) -> Seen:
    """Return the residuals that pieces of one column hold, over all their hours."""
    merged = merge(pieces.filter(pc.equal(pieces["binning"], binning.id)), ["version", "segment", "column", "binning"])
    scale = scale_of(model.schema, binning)
    places = zip(*(merged[name].to_pylist() for name in ("version", "segment")), strict=True)
    return {
        place: Residuals.of(counts.values.to_numpy(), scale)
        for place, counts in zip(places, merged["counts"], strict=True)
    }


def typical(
    model: Model,
    score: ColumnProfile | None,
    outcome: Outcome | None,
    labelled: Residuals | None,
    predictions: ColumnProfile | None = None,
) -> Typical | None:
    """Compare scores with and without labels; None where that cannot be done.

    Args:
        model: whose.
        score: of all rows.
        outcome: of the rows with labels.
        labelled: their residuals, for a task that is not binary.
        predictions: of all rows, for a multiclass task, whose classes are compared too.
    """
    if score is None or outcome is None:
        return None
    if model.schema.task is Task.BINARY:
        scores = score.bins.astype(np.float64)
        found = missing(outcome.score_counts[0].sum(axis=0).astype(np.float64), scores)
        if found is None:
            return None
        return Typical(found, reweighted(outcome, scores) if found.differs and found.anywhere else None)
    if labelled is None or labelled.rows.sum() < outcome.judged * WHOLE:
        return None  # of labels that came before residuals were kept there is only a part
    rows = grouped(score.mass)
    found = missing(labelled.rows, rows, shares=model.schema.task is Task.MULTICLASS)
    classes = by_class(outcome, predictions) if model.schema.task is Task.MULTICLASS else None
    if classes is not None and classes.missing.differs and (found is None or classes.missing.distance > found.distance):
        return Typical(classes.missing, classes=classes)
    if found is None:
        return None
    return Typical(found, None, labelled if found.anywhere else None, tuple(rows.tolist()))
