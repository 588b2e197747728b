"""Whether labels are missing alike of every predicted class: what the size of the top score alone does not show."""

from dataclasses import dataclass

import numpy as np

from monitor.estimation.missing import Missing, missing
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import CategoryBins
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.values import Floats


@dataclass(frozen=True)
class MissingByClass(Missing):
    """How the share of predictions with a label differs between predicted classes.

    Attributes:
        fewest: the class of which the smallest share has a label.
        share: that share.
        others: the share of all others.
    """

    fewest: str = ""
    share: float = 0.0
    others: float = 0.0

    def __str__(self) -> str:
        """Say it in a sentence."""
        if not self.differs:
            return "Labels look missing by chance: every predicted class has its share of them."
        return (
            f"Labels are not missing by chance: {self.share * 100:.1f} % of predictions of {self.fewest} have one, and "
            f"{self.others * 100:.1f} % of the others, so realised accuracy is of untypical predictions."
        )


@dataclass(frozen=True, eq=False)
class ByClass:
    """Labelled rows by predicted class beside all rows.

    Attributes:
        missing: the comparison.
        right: of the labelled rows of each class, the share that was right; NaN without any, [K].
        rows: all rows, [K].
    """

    missing: MissingByClass
    right: Floats
    rows: Floats

    def reweighted(self, measure: PerformanceMeasure) -> float | None:
        """Return the accuracy as if no label were missing; None for another measure, or a class without labels."""
        if measure.name != "accuracy" or np.isnan(self.right[self.rows > 0]).any():
            return None
        return float(np.nansum(self.right * self.rows) / self.rows.sum())


def by_class(outcome: Outcome, predictions: ColumnProfile | None) -> ByClass | None:
    """Compare predicted classes with and without labels, of a multiclass task; None where that cannot be done.

    Args:
        outcome: of the rows with labels.
        predictions: the predictions of all rows.
    """
    if predictions is None or not isinstance(predictions.binning, CategoryBins):
        return None
    classes, place = outcome.schema.classes, predictions.binning.values
    if place != classes:
        return None
    rows = predictions.mass[: len(classes)].astype(np.float64)
    labelled = outcome.confusion.sum(axis=0).astype(np.float64)
    found = missing(labelled, rows)
    if found is None:
        return None
    shares = np.divide(labelled, rows, out=np.full_like(rows, np.inf), where=rows > 0)
    least = int(np.argmin(shares))
    rest = rows.sum() - rows[least]
    told = MissingByClass(
        found.p_value,
        found.distance,
        found.labelled_mean,
        found.unlabelled_mean,
        fewest=classes[least],
        share=min(1.0, float(shares[least])),
        others=float((labelled.sum() - labelled[least]) / rest) if rest else 0.0,
    )
    right = np.divide(outcome.confusion.diagonal(), labelled, out=np.full_like(rows, np.nan), where=labelled > 0)
    return ByClass(told, right, rows)
