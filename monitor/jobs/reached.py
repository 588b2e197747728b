"""How much of what raises an alarm is there, on a scale that people read: 0 for nothing, 1 for an alarm."""

import math


def share(reached: float, threshold: float) -> float:
    """Return evidence in units of the threshold as a share of what raises an alarm, both by their logarithms.

    >>> share(0.0, 1000.0), share(1.0, 1000.0)
    (0.0, 1.0)
    """
    return math.log1p(max(0.0, reached) * threshold) / math.log1p(threshold)


def faulty(ratio: float) -> float:
    """Return the share of what a fault needs that the worst of a window reached; 0 where there is no sign of one."""
    return min(ratio, 10.0) if math.isfinite(ratio) and ratio > 0 else 0.0
