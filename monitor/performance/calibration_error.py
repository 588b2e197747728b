"""Expected calibration error, and the reliability curve behind it."""

from typing import ClassVar, Literal, NamedTuple

import numpy as np

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.profile.values import Floats, Ints
from monitor.types import Task

GROUPS = 10


class Reliability(NamedTuple):
    """What scores said and what came true, in groups of scores: [G] each, groups without rows left out.

    ``score`` is the mean score of a group, ``rate`` the share of its labels that are the positive class.
    """

    rows: Ints
    score: Floats
    rate: Floats


class CalibrationError(PerformanceMeasure):
    """How far scores are from how often they come true: the mean |rate − score| over ten groups of equal width.

    From the score histogram, so off by at most a bin's width, 0.001 (0.008 for several classes, of which it is the mean
    over the first twenty, each against the rest). Sources: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning" (2015); Kull et al., "Beyond temperature scaling" (2019), for several classes.
    """

    name: ClassVar[str] = "calibration_error"
    title: ClassVar[str] = "Calibration error"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        if not outcome.scored:
            return None
        return float(np.mean([gap(reliability(outcome, place)) for place in range(len(outcome.score_counts))]))


def gap(curve: Reliability) -> float:
    """Return the mean distance of a curve of at least one row from the diagonal."""
    return float(np.sum(curve.rows * np.abs(curve.rate - curve.score)) / curve.rows.sum())


def reliability(outcome: Outcome, place: int = 0, groups: int = GROUPS) -> Reliability:
    """Return the reliability curve of one class against the rest.

    A score stands in the middle of its bin; in the outermost bins, where certain scores pile up, at 0 and 1.

    Args:
        outcome: of the rows with labels.
        place: which of the classes of ``score_counts``; a binary task has its positive class alone.
        groups: how many groups of equal width [0, 1] is cut into.
    """
    negative, positive = outcome.score_counts[place]
    middle = (outcome.edges[1:] + outcome.edges[:-1]) / 2
    middle[0], middle[-1] = 0.0, 1.0
    group = np.minimum((middle * groups).astype(np.int64), groups - 1)
    rows = np.bincount(group, negative + positive, groups)
    held = rows > 0
    score = np.bincount(group, (negative + positive) * middle, groups)[held] / rows[held]
    rate = np.bincount(group, positive, groups)[held] / rows[held]
    return Reliability(rows[held].astype(np.int64), score, rate)
