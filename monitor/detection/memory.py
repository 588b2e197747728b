"""Days that resemble the day before: how much of a chunk's z-score was to be expected from the last one.

A warm day follows a warm day. Evidence that multiplies over days takes them for independent: where a column's z-scores
have a correlation of 0.3 from day to day, a model of 16 columns alarms seven times as often as asked, and with the
correction less often than asked (simulated). So where the reference's chunks follow one another and resemble their
predecessors, a z-score counts only as far as it is beyond what the last one leads to expect, and never for more than
it is by itself. Where the reference's chunks are scattered, nothing can be learned of this, and nothing is corrected.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from monitor.detection.heavy import ENOUGH
from monitor.profile.values import Floats

_ADJACENT = 0.9
_SIGNIFICANT = 2.5
_MOST = 0.9


def memory(z: Floats, starts: Sequence[datetime], length: timedelta) -> Floats:
    """Return the correlation of each z-score with the chunk before, [J, channels]; 0 where there is none to speak of.

    Args:
        z: z-scores of the reference's own chunks, [K, J, channels].
        starts: when each began, [K].
        length: of a chunk.
    """
    none = np.zeros(z.shape[1:])
    follows = np.array([later - earlier == length for earlier, later in pairwise(starts)])
    if len(starts) < ENOUGH or follows.mean() < _ADJACENT:
        return none
    before, after = z[:-1][follows], z[1:][follows]
    both = np.isfinite(before) & np.isfinite(after)
    pairs = np.maximum(both.sum(axis=0), 1)
    first = np.where(both, before, 0.0) - np.where(both, before, 0.0).sum(axis=0) / pairs
    second = np.where(both, after, 0.0) - np.where(both, after, 0.0).sum(axis=0) / pairs
    product = (np.where(both, first * second, 0.0)).sum(axis=0)
    scale = np.sqrt(np.where(both, first**2, 0.0).sum(axis=0) * np.where(both, second**2, 0.0).sum(axis=0))
    found = np.where(scale > 0, product / np.maximum(scale, 1e-12), 0.0)
    return np.where(found > _SIGNIFICANT / np.sqrt(pairs), np.minimum(found, _MOST), 0.0)


def surprise(z: Floats, last: Floats, correlation: Floats) -> Floats:
    """Return what is left of z-scores beyond what the last chunk's lead to expect; never more than they were.

    >>> surprise(np.array([3.0, 3.0]), np.array([3.0, np.nan]), np.array([0.6, 0.6])).round(2).tolist()
    [1.5, 3.0]
    """
    beyond = (z - correlation * last) / np.sqrt(1 - correlation**2)
    return np.where(np.isnan(last) | (correlation == 0), z, np.minimum(z, beyond))
