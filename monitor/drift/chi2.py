"""Pearson's chi-squared distance."""

from typing import ClassVar

import numpy as np

from monitor.drift.shares import ShareMeasure
from monitor.profile.values import Floats

_LEAST = 1e-4


class ChiSquared(ShareMeasure):
    """Σ (q − p)² / p over ten reference deciles, or over the categories: Pearson's statistic divided by the rows.

    The statistic itself is this times the current rows. It is not turned into a p-value: that would take rows of one
    day for independent. A reference share below 0.01 % counts as 0.01 %, so that a category the reference never held
    has a finite cost: the distance is at most 10,001. For n rows it is about (K − 1) / n over K groups by chance.
    """

    name: ClassVar[str] = "chi2"
    title: ClassVar[str] = "χ² distance"
    groups: ClassVar[int] = 10

    def distance(self, before: Floats, after: Floats) -> float:
        """Return the distance; see `ShareMeasure.distance`."""
        return float(np.sum((after - before) ** 2 / np.maximum(before, _LEAST)))
