"""The exact sums of many numbers at once: limbs of Σq and Σq², least and greatest, in numpy or, where installed, numba.

The same integers as adding up `monitor.profile.fixed`'s limbs row by row, from sums of whole numbers: as Σq and the sum
of its lower limbs are known, that of the upper ones follows.
"""

from typing import TypeAlias

import numpy as np

from monitor.profile import fixed
from monitor.profile.kernel import Kernel, compiled
from monitor.profile.values import Floats, Ints

Moments: TypeAlias = tuple[list[int], float, float]
"""The sums of the limbs (first, then second), and the least and greatest value."""

NARROW = 1 << 31
"""Below this size of q its square is a plain int64."""

_CHUNK = 1 << 14  # 128 kB of float64: all steps within the second-level cache
_LOW = (1 << fixed.LIMB) - 1


def moments(values: Floats, center: float, scale: float, kernel: Kernel | None = None) -> Moments:
    """Return the sums of the limbs of finite values, and their least and greatest; +inf and −inf without any.

    Args:
        values: float64, all finite, n of them.
        center: where they are measured from.
        scale: in which unit.
        kernel: which kernel to use; the chosen one if not given. Every one gives the same.

    >>> moments(np.array([-1.0, 3.0]), 0.0, 1.0)[1:]
    (-1.0, 3.0)
    """
    if not len(values):
        return [0] * (fixed.FIRST + fixed.SECOND), np.inf, -np.inf
    low, high = float(values.min()), float(values.max())
    ends = fixed.fixed(np.array([low, high]), center, scale)
    if int(np.abs(ends).max()) >= NARROW:
        return _wide(values, center, scale), low, high
    if compiled(kernel, len(values)):
        from monitor.profile.moments_numba import narrow

        return [int(limb) for limb in narrow(values, center, scale)], low, high
    total = np.zeros(fixed.FIRST + fixed.SECOND, dtype=np.int64)
    buffer = np.empty(min(_CHUNK, len(values)))
    for start in range(0, len(values), _CHUNK):
        total += _narrow(values[start : start + _CHUNK], center, scale, buffer)
    return total.tolist(), low, high


def _narrow(values: Floats, center: float, scale: float, buffer: Floats) -> Ints:
    distance = buffer[: len(values)]
    np.subtract(values, center, out=distance)
    distance /= scale
    distance *= 1 << fixed.FRACTION
    np.rint(distance, out=distance)
    q = distance.astype(np.int64)
    whole, lower = int(q.sum()), int((q & _LOW).sum())
    q *= q
    lowest = int((q & _LOW).sum())
    q >>= fixed.LIMB
    rest = int(q.sum())
    q &= _LOW
    middle = int(q.sum())
    return np.array([(whole - lower) >> fixed.LIMB, lower, (rest - middle) >> fixed.LIMB, middle, lowest])


def _wide(values: Floats, center: float, scale: float) -> list[int]:
    """The same where some value is farther than 1,024 scales from the center."""
    total = np.zeros(fixed.FIRST + fixed.SECOND, dtype=np.int64)
    for start in range(0, len(values), _CHUNK):
        q = fixed.fixed(values[start : start + _CHUNK], center, scale)
        total += [limb.sum() for limb in (*fixed.first(q), *fixed.second(q))]
    return total.tolist()
