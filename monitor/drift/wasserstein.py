"""Wasserstein distance of ranks, told as standard deviations."""

import math
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, cumulative_difference
from monitor.profile.column import ColumnProfile

_FARTHEST = 6.0


class RankWasserstein(DriftMeasure):
    """How far values moved, in standard deviations.

    Every value is replaced by its rank in the reference (0 to 1; ties share the middle rank), and the ranks are
    compared by the Wasserstein distance W: the mean distance a value must move. Ranks make it the same in every unit
    and deaf to single huge values. W is told as the shift of a normal distribution that gives the same W,
    √2 Φ⁻¹(½ + W): an answer of 0.5 is as large a change as a shift by half a standard deviation. Values that are all
    beyond one end of the reference read 6, which means "6 or more". For a continuous column W is off by less than
    1/240.
    """

    name: ClassVar[str] = "wasserstein"
    title: ClassVar[str] = "Wasserstein distance"
    unit: ClassVar[str] = "sd"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric"})
    floor: ClassVar[float] = 0.1

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        difference, share = cumulative_difference(reference, current)
        before = np.concatenate([[0.0], difference[:-1]])
        return in_deviations(float(np.sum(share * (np.abs(before) + np.abs(difference)) / 2)))


def in_deviations(distance: float) -> float:
    """Return the shift, in standard deviations, of a normal distribution whose ranks move by ``distance``.

    >>> round(in_deviations(0.26025), 3)  # the mean rank of a normal shifted by one deviation is 0.7602
    1.0
    """
    rank = min(0.5 + distance, NormalDist().cdf(_FARTHEST / math.sqrt(2)))
    return math.sqrt(2) * NormalDist().inv_cdf(rank)
