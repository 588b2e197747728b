"""Below a hit: whether it is all about one part of the segment, by a second feature."""

from statistics import NormalDist

import numpy as np
import pyarrow as pa

from monitor.profile.binning import Binning
from monitor.profile.segment_sums import Segment, places, row_sums, segments_of, sum_names
from monitor.profile.values import Ints
from monitor.segments.residuals import CHANNELS, Residuals
from monitor.segments.scan import Hit
from monitor.types import ModelSchema

FEWEST = 20
"""Labelled rows that a part needs, and that what is left of the segment needs."""

LEVEL = 0.01
"""The chance that a part is named where all parts are alike."""


def narrowed(batch: pa.Table, schema: ModelSchema, binning: Binning, hit: Hit) -> Segment | None:
    """Return the part of a hit's segment, by another feature, in which rows are off more than in its rest; or None.

    Args:
        batch: labelled rows with features, a bounded number of them, of the window of the hit.
        schema: the model's schema.
        binning: the model's bins.
        hit: what was found.
    """
    segments = segments_of(schema, binning)
    values, usable = row_sums(batch, schema, binning)
    where = places(batch, schema, binning)
    inside = usable & (where == segments.index(hit.segment)).any(axis=0)
    if np.count_nonzero(inside) < 2 * FEWEST:
        return None
    sums = _summed(where[:, inside], values[:, inside], len(segments))
    channel = CHANNELS.index(hit.channel)
    parts = Residuals.of_counts(segments, sum_names(schema), sums[None])
    own = np.array([each.feature == hit.segment.feature for each in segments])
    n, total = parts.n[0], parts.total[0, :, channel]
    whole_n, whole = n[own].sum(), total[own].sum()
    rest_n, rest = whole_n - n, whole - total
    variance = _row_variance(parts, own, channel)
    use = ~own & (n >= FEWEST) & (rest_n >= FEWEST)
    z = np.zeros(len(segments))
    apart = total / np.maximum(n, 1) - rest / np.maximum(rest_n, 1)
    z[use] = (apart / np.sqrt(variance * (1 / np.maximum(n, 1) + 1 / np.maximum(rest_n, 1))))[use]
    best = int((z * np.sign(hit.effect)).argmax())
    needed = NormalDist().inv_cdf(1 - LEVEL / max(1, int(use.sum())))
    return segments[best] if z[best] * np.sign(hit.effect) > needed else None


def _summed(where: Ints, values: Ints, segments: int) -> Ints:
    """Return counters [1 + S, sums] of some rows."""
    found = np.zeros((1 + segments, len(values)), dtype=np.int64)
    for place in where:
        np.add.at(found, 1 + place, values.T)
    return found


def _row_variance(parts: Residuals, own: "np.ndarray[tuple[int], np.dtype[np.bool_]]", channel: int) -> float:
    """Return the variance of one row of the whole segment: by its predictions, or as a regression's errors show it."""
    n = float(parts.n[0, own].sum())
    if parts.variance is not None:
        return max(1e-9, float(parts.variance[0, own, channel].sum()) / n)
    assert parts.powers is not None  # noqa: S101 - a regression has them
    e, e2, _, e4, _ = parts.powers[0, own].sum(axis=0) / n
    return max(1e-9, float(e2 - e**2 if channel == 0 else e4 - e2**2))
