"""What is read off one chunk against the reference: where values lie, how they are spread, which categories moved.

Every function is vectorised over chunks and takes integer counts, so that a statistic costs the same for a thousand
rows and for a billion.
"""

import numpy as np

from monitor.detection.tails import from_tail_area
from monitor.detection.tallies import Tallies
from monitor.profile.binning import NumericBins
from monitor.profile.fixed import FIRST, FRACTION, LIMB, SECOND
from monitor.profile.values import Floats, Ints

_FARTHEST = 3.2
_MOST = 0.5  # deviations: one absurd value in a chunk must not speak for all


def normal_scores(mass: Ints) -> Floats:
    """Return the score of each slot along the number line: the normal quantile of its middle rank in the reference.

    The mean score of a chunk is a rank test for location that loses nothing against the t test on normal data
    (van der Waerden), does not depend on units, and reads as a shift in standard deviations. Ties share a score.

    Args:
        mass: the reference's rows by slot, [S].

    >>> normal_scores(np.array([0, 1, 1, 0])).round(2).tolist()
    [-3.2, -0.67, 0.67, 3.2]
    """
    total = mass.sum()
    middle = (np.cumsum(mass) - mass / 2) / max(1, total)
    return np.clip(-from_tail_area(np.clip(middle, 1e-9, 1 - 1e-9)), -_FARTHEST, _FARTHEST)


def mean_score(tallies: Tallies, scores: Floats) -> Floats:
    """Return each chunk's mean score, [M]; NaN where it holds no usable value."""
    return _ratio(tallies.mass @ scores, tallies.present)


def displacement(tallies: Tallies, values: Floats) -> Floats:
    """Return how far values lie from those of the reference within their bins, on average, in deviations, [M].

    Hours that all become 20 minutes later stay in their bins, where ranks do not see them. The exact sums do.

    Args:
        tallies: M chunks of a column with one reference value a bin.
        values: those values, [bins].
    """
    bins = tallies.binning
    if not isinstance(bins, NumericBins):
        return np.zeros(len(tallies.counts))
    places = np.concatenate([bins.edges[:1], values, bins.edges[-1:]])
    expected = tallies.mass @ ((places - bins.center) / bins.scale)
    high, low = tallies.counts[:, -FIRST - SECOND], tallies.counts[:, -SECOND - 1]
    moved = (high * float(1 << LIMB) + low) / (1 << FRACTION) - expected
    return np.clip(np.where(tallies.present > 0, moved / np.maximum(tallies.present, 1), 0.0), -_MOST, _MOST)


def arcsine(part: Ints, rows: Ints) -> Floats:
    """Return the angle of a share, whose variance is 1/(4 rows) whatever the share (Anscombe).

    >>> arcsine(np.array([25]), np.array([100])).round(3).tolist()
    [0.526]
    """
    angle: Floats = np.arcsin(np.sqrt((part + 0.375) / (rows + 0.75)))
    return angle


def category_angles(tallies: Tallies) -> Floats:
    """Return the angle of each category's share in each chunk, [M, C]; unseen values are left to the hard faults."""
    return arcsine(tallies.mass[:, :-1], tallies.present[:, None])


def anderson_darling(mass: Ints, shares: Floats) -> Floats:
    """Return each chunk's Anderson-Darling distance from reference shares, per row: about 1/n for n rows of it.

    Args:
        mass: rows by slot, [M, S].
        shares: the reference's shares, [S] or [M, S].
    """
    below = np.cumsum(shares, axis=-1)
    spread = below * (1 - below)
    weight = np.where(spread > 1e-9, shares / np.maximum(spread, 1e-9), 0.0)
    difference = np.cumsum(_shares(mass) - shares, axis=-1)
    distance: Floats = (weight * difference * difference).sum(axis=-1)
    return distance


def hellinger(mass: Ints, shares: Floats) -> Floats:
    """Return each chunk's squared Hellinger distance (times 2) from reference shares, [M].

    Args:
        mass: rows by category, [M, C].
        shares: the reference's shares, [C] or [M, C].
    """
    distance: Floats = ((np.sqrt(_shares(mass)) - np.sqrt(shares)) ** 2).sum(axis=-1)
    return distance


def _shares(mass: Ints) -> Floats:
    return _ratio(mass, mass.sum(axis=-1, keepdims=True))


def _ratio(part: Floats | Ints, whole: Ints) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
