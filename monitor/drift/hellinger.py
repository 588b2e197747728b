"""Hellinger distance."""

import math
from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, shares
from monitor.profile.column import ColumnProfile

_GROUPS = 20


class Hellinger(DriftMeasure):
    """√(½ Σ (√q − √p)²): 0 for equal shares, 1 for nothing in common.

    Over twenty groups of equal reference share, or over the categories. Pooling values into groups never makes it
    larger than it is over the values themselves. For n rows it is about √((K − 1) / 8n) over K groups by chance.
    """

    name: ClassVar[str] = "hellinger"
    title: ClassVar[str] = "Hellinger distance"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.1

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        before, after = shares(reference, current, _GROUPS)
        return min(1.0, math.sqrt(float(np.sum((np.sqrt(after) - np.sqrt(before)) ** 2)) / 2))
