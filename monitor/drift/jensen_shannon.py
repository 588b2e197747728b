"""Jensen-Shannon distance."""

import math
from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, shares
from monitor.profile.column import ColumnProfile
from monitor.profile.values import Floats

_GROUPS = 20


class JensenShannon(DriftMeasure):
    """The square root of the Jensen-Shannon divergence in bits: 0 for equal shares, 1 for nothing in common.

    Over twenty groups of equal reference share, or over the categories. Source: Endres and Schindelin, "A new metric
    for probability distributions" (2003).
    """

    name: ClassVar[str] = "jensen_shannon"
    title: ClassVar[str] = "Jensen–Shannon distance"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.1

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        before, after = shares(reference, current, _GROUPS)
        middle = (before + after) / 2
        divergence = (_relative_entropy(before, middle) + _relative_entropy(after, middle)) / 2
        return math.sqrt(min(1.0, max(0.0, divergence)))


def _relative_entropy(of: Floats, to: Floats) -> float:
    held = of > 0
    return float(np.sum(of[held] * np.log2(of[held] / to[held])))
