"""Kolmogorov-Smirnov distance."""

from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, cumulative_difference
from monitor.profile.column import ColumnProfile


class KolmogorovSmirnov(DriftMeasure):
    """The greatest difference between the two distribution functions, from 0 to 1.

    Seen at the bin edges only, so it may be too small by at most the greatest share that one bin holds (0.4 % of the
    reference for a continuous column); exact where every value has a bin of its own.
    """

    name: ClassVar[str] = "ks"
    title: ClassVar[str] = "Kolmogorov–Smirnov distance"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric"})
    floor: ClassVar[float] = 0.1

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        difference, _ = cumulative_difference(reference, current)
        return float(np.abs(difference).max())
