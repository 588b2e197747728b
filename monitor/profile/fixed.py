"""Exact sums of real numbers: fixed-point integers, cut into limbs that add without ever overflowing.

A number x is measured from a ``center`` in units of a ``scale`` (the reference's mean and standard deviation) and
rounded to a multiple of 2^-21 of it. Sums of these integers do not depend on the order or grouping of the rows, which
sums of floats do. Σq is kept as two limbs and Σq² as three, each of 28 bits a row, so a sum holds 2^35 rows.
Because Σq² is exact too, a standard deviation is never further off than the rounding itself: 2.4e-7 of the scale.
"""

from collections.abc import Sequence

import numpy as np

from monitor.profile.values import Floats, Ints

FRACTION = 21
LIMB = 28
FARTHEST = 2.0**19  # values farther than this many scales from the center count as this far
FIRST = 2
SECOND = 3

_LOW = (1 << LIMB) - 1
_HALF = (1 << FRACTION) - 1


def fixed(values: Floats, center: float, scale: float) -> Ints:
    """Return finite ``values`` as fixed-point integers of at most 40 bits and a sign."""
    with np.errstate(over="ignore"):  # an overflow is infinitely far, and is brought back by the clip
        distance = (values - center) / scale
    return np.rint(np.clip(distance, -FARTHEST, FARTHEST) * (1 << FRACTION)).astype(np.int64)


def first(q: Ints) -> list[Ints]:
    """Return the limbs of q itself, high to low."""
    return [q >> LIMB, q & _LOW]


def second(q: Ints) -> list[Ints]:
    """Return the limbs of q², high to low: it has up to 80 bits, which int64 has not."""
    size = np.abs(q)
    high, low = size >> FRACTION, size & _HALF
    below = ((high * low) << (FRACTION + 1)) + low * low
    rest = (below >> LIMB) + ((high * high) << (2 * FRACTION - LIMB))
    return [rest >> LIMB, rest & _LOW, below & _LOW]


def joined(limbs: Sequence[int] | Ints) -> int:
    """Return the integer that summed limbs stand for.

    >>> q = np.array([-3, 1 << 40, 7])
    >>> joined(np.sum(second(q), axis=1)) == 9 + (1 << 80) + 49
    True
    """
    total = 0
    for limb in limbs:
        total = (total << LIMB) + int(limb)
    return total


def mean(total: int, rows: int, center: float, scale: float) -> float:
    """Return the mean of ``rows`` numbers whose fixed-point sum is ``total``; NaN without rows."""
    return center + scale * (total / (rows << FRACTION)) if rows else float("nan")


def variance(total: int, squares: int, rows: int) -> float:
    """Return the population variance in units of scale², computed in integers; NaN without rows."""
    return (rows * squares - total * total) / ((rows * rows) << (2 * FRACTION)) if rows else float("nan")
