"""Hellinger distance."""

import math
from typing import ClassVar

import numpy as np

from monitor.drift.shares import ShareMeasure
from monitor.profile.values import Floats


class Hellinger(ShareMeasure):
    """√(½ Σ (√q − √p)²): 0 for equal shares, 1 for nothing in common.

    Over twenty groups of equal reference share, or over the categories. Pooling values into groups never makes it
    larger than it is over the values themselves. For n rows it is about √((K − 1) / 8n) over K groups by chance.
    """

    name: ClassVar[str] = "hellinger"
    title: ClassVar[str] = "Hellinger distance"
    groups: ClassVar[int] = 20

    def distance(self, before: Floats, after: Floats) -> float:
        """Return the distance; see `ShareMeasure.distance`."""
        return min(1.0, math.sqrt(float(np.sum((np.sqrt(after) - np.sqrt(before)) ** 2)) / 2))
