"""The compiled sums of `monitor.profile.moments`: one pass, in the processor's registers."""

import numba
import numpy as np

from monitor.profile.fixed import FRACTION, LIMB
from monitor.profile.values import Floats, Ints

_LOW = (1 << LIMB) - 1
_UNIT = float(1 << FRACTION)


@numba.njit(cache=True, nogil=True)
def narrow(values: Floats, center: float, scale: float) -> Ints:
    """Return the sums of the limbs, first then second, of finite values within 1,024 scales of the center."""
    whole = lower = rest = middle = lowest = np.int64(0)
    for at in range(len(values)):
        q = np.int64(np.rint((values[at] - center) / scale * _UNIT))
        square = q * q
        above = square >> LIMB
        whole += q
        lower += q & _LOW
        lowest += square & _LOW
        rest += above
        middle += above & _LOW
    out = np.empty(5, np.int64)
    out[0], out[1], out[2], out[3], out[4] = (whole - lower) >> LIMB, lower, (rest - middle) >> LIMB, middle, lowest
    return out
