"""Area under the ROC curve."""

from typing import ClassVar, Literal

import numpy as np

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.profile.values import Ints
from monitor.types import Task


class RocAuc(PerformanceMeasure):
    """How often a positive scores higher than a negative, ties counting half.

    From score histograms, so pairs within one bin count half too: off by at most `auc_bound`, about 1e-5 with 1,000
    bins. For a multiclass task the mean over its first twenty classes of each one against the rest. Source: Hanley and
    McNeil, "The meaning and use of the area under a ROC curve" (1982).
    """

    name: ClassVar[str] = "auc"
    title: ClassVar[str] = "AUC"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the area; None unless some class has rows both of it and not of it."""
        areas = [area for negative, positive in outcome.score_counts if (area := _area(negative, positive)) is not None]
        return float(np.mean(areas)) if areas else None


def _area(negative: Ints, positive: Ints) -> float | None:
    pairs = int(negative.sum()) * int(positive.sum())
    if not pairs:
        return None
    lower = np.cumsum(negative) - negative / 2
    return float(np.dot(positive, lower) / pairs)


def auc_bound(outcome: Outcome) -> float:
    """Return how far `RocAuc` can be from the area computed row by row: half the share of pairs within one bin."""
    bounds = [
        np.dot(negative, positive) / (2 * pairs)
        for negative, positive in outcome.score_counts
        if (pairs := int(negative.sum()) * int(positive.sum()))
    ]
    return float(np.mean(bounds)) if bounds else 0.0
