"""From a statistic and its law to a z-score: how far out in the tail it lies, told on the scale of a normal deviate.

All evidence is kept as z-scores: a p-value of 1e-40 and one of 1e-60 differ, and nothing underflows. The t and the
gamma law are brought to it by their classical normalising transforms (Wallace 1959; Wilson and Hilferty 1931), which
are accurate to a few hundredths of a deviate as far out as evidence is counted, and need no special functions.
"""

import math
from statistics import NormalDist

import numpy as np

from monitor.profile.values import Floats

_FARTHEST = 37.0  # beyond it the tail area is not a float any more
_erfc = np.frompyfunc(math.erfc, 1, 1)
_quantile = np.frompyfunc(lambda p: -NormalDist().inv_cdf(p), 1, 1)


def tail_area(z: Floats) -> Floats:
    """Return the upper tail area of the standard normal law.

    >>> tail_area(np.array([0.0, 1.959963984540054])).round(6).tolist()
    [0.5, 0.025]
    """
    area: Floats = 0.5 * np.asarray(_erfc(np.clip(z, -_FARTHEST, _FARTHEST) / math.sqrt(2)), dtype=np.float64)
    return area


def from_tail_area(p: Floats) -> Floats:
    """Return the z-score whose upper tail area is ``p``, for p in (0, 1); NaN stays NaN.

    >>> from_tail_area(np.array([0.025])).round(4).tolist()
    [1.96]
    """
    known = np.isfinite(p)
    clipped = np.clip(np.where(known, p, 0.5), 1e-300, 1 - 1e-16)
    return np.where(known, np.asarray(_quantile(clipped), dtype=np.float64), np.nan)


def from_t(t: Floats, freedom: Floats | float) -> Floats:
    """Return the z-score of a Student t with ``freedom`` degrees of freedom, by Wallace's transform.

    >>> from_t(np.array([-2.0423]), 30).round(2).tolist()  # the 2.5 % point
    [-1.96]
    """
    factor = (8 * freedom + 1) / (8 * freedom + 3)
    z: Floats = np.sign(t) * factor * np.sqrt(freedom * np.log1p(t * t / freedom))
    return z


def from_gamma(ratio: Floats, shape: Floats | float) -> Floats:
    """Return the z-score of a gamma variate divided by its mean, by Wilson and Hilferty's cube root.

    >>> from_gamma(np.array([18.307 / 10]), 5).round(2).tolist()  # the 5 % point of chi-squared with 10 degrees
    [1.65]
    """
    z: Floats = 3 * np.sqrt(shape) * (np.cbrt(ratio) - 1 + 1 / (9 * shape))
    return z


def from_deviance(count: Floats, expected: Floats) -> Floats:
    """Return the signed root deviance of a Poisson count: about its z-score, and bounded by Chernoff's inequality.

    >>> from_deviance(np.array([4.0, 9.0]), np.array([4.0, 0.09])).round(1).tolist()
    [0.0, 8.1]
    """
    safe = np.maximum(count, 1e-12)
    half = count * np.log(safe / expected) - count + expected
    z: Floats = np.sign(count - expected) * np.sqrt(2 * np.maximum(half, 0.0))
    return z


def best_of(z: Floats, tries: int) -> Floats:
    """Return the z-score of the largest of ``tries`` independent two-sided z-scores (Šidák).

    Args:
        z: the largest absolute z-score, any shape.
        tries: among how many it is the largest.
    """
    single = np.clip(2 * tail_area(np.abs(z)), 0.0, 1 - 1e-16)
    return from_tail_area(-np.expm1(tries * np.log1p(-single)))
