"""Jensen-Shannon distance."""

import math
from typing import ClassVar

import numpy as np

from monitor.drift.shares import ShareMeasure
from monitor.profile.values import Floats


class JensenShannon(ShareMeasure):
    """The square root of the Jensen-Shannon divergence in bits: 0 for equal shares, 1 for nothing in common.

    Over twenty groups of equal reference share, or over the categories. Source: Endres and Schindelin, "A new metric
    for probability distributions" (2003).
    """

    name: ClassVar[str] = "jensen_shannon"
    title: ClassVar[str] = "Jensen–Shannon distance"
    groups: ClassVar[int] = 20

    def distance(self, before: Floats, after: Floats) -> float:
        """Return the distance; see `ShareMeasure.distance`."""
        middle = (before + after) / 2
        divergence = (_relative_entropy(before, middle) + _relative_entropy(after, middle)) / 2
        return math.sqrt(min(1.0, max(0.0, divergence)))


def _relative_entropy(of: Floats, to: Floats) -> float:
    held = of > 0
    return float(np.sum(of[held] * np.log2(of[held] / to[held])))
