"""How much a column's shift matters to the model: Σ over bins of (share now − share before) × weight of the bin.

The weight of a bin is the mean |attribution| of the column's values in it, where the model has been explained often
enough, else how far the mean score of rows in it is from the mean of all.
"""

import math
from collections.abc import Sequence

import numpy as np

from monitor.profile.binning import Bins, CategoryBins
from monitor.profile.column import ColumnProfile
from monitor.profile.segment_sums import SegmentSums
from monitor.profile.values import Floats
from monitor.types import Explanation

FEWEST = 30
"""With fewer explanations attributions say too little about bins."""

_PRIOR = 5.0  # explanations that the mean of all counts as in each range


def impact(reference: ColumnProfile, current: ColumnProfile, weights: Floats) -> float:
    """Return the impact of a column's shift, in the unit of the weights; 0 where either side holds nothing.

    Args:
        reference: the column's profile over the reference.
        current: over a window, in the same bins.
        weights: of each slot of ``mass``.
    """
    if not reference.present or not current.present:
        return 0.0
    shift = current.mass / current.present - reference.mass / reference.present
    return float(shift @ weights)


def attribution_weights(explanations: Sequence[Explanation], column: str, bins: Bins) -> Floats | None:
    """Return the mean |attribution| by slot of ``mass``, shrunk to the mean of all; None with too few.

    Args:
        explanations: of rows of one model.
        column: which column.
        bins: the bins it is counted in.
    """
    known = [each for each in explanations if column in each.attributions]
    return size_weights(
        [each.values.get(column) for each in known], [each.attributions[column] for each in known], bins
    )


def size_weights(values: Sequence[object], amounts: Sequence[float], bins: Bins) -> Floats | None:
    """Return the same of one column's values and what each contributed; nulls, and amounts not finite, are left out."""
    there = [
        (value, amount)
        for value, amount in zip(values, amounts, strict=True)
        if value is not None and math.isfinite(amount)
    ]
    parts, sizes = [_part(value, bins) for value, _ in there], [abs(amount) for _, amount in there]
    if len(parts) < FEWEST:
        return None
    length = len(bins.values) + 2 if isinstance(bins, CategoryBins) else len(bins.deciles) + 1
    exponent = math.frexp(max(sizes))[1]  # in units of a power of two no sum overflows, and nothing is rounded
    scaled = np.ldexp(sizes, -exponent)
    count, total = np.bincount(parts, minlength=length), np.bincount(parts, scaled, length)
    return _by_slot(np.ldexp((total + _PRIOR * float(np.mean(scaled))) / (count + _PRIOR), exponent), bins)


def score_weights(sums: SegmentSums, column: str, bins: Bins) -> Floats | None:
    """Return how far mean scores lie from the mean of all, by slot of ``mass``; None without labelled rows.

    Args:
        sums: of the reference's segments.
        column: which column.
        bins: the bins it is counted in.
    """
    place = [at for at, each in enumerate(sums.segments) if each.feature == column and each.rest != "null"]
    n = sums.sums("n")[place]
    if "p" not in sums.names or not n.sum():
        return None
    p = sums.sums("p")[place]
    mean = p.sum() / n.sum()
    far = np.where(n > 0, np.abs(p / np.maximum(n, 1) - mean), 0.0)
    return _by_slot(far, bins)


def distance_weights(values: Sequence[object], scores: Floats, bins: Bins) -> Floats | None:
    """Return how far mean scores lie from the mean of all, by slot of ``mass``, of the rows themselves.

    Args:
        values: of one column, [n]; nulls are left out.
        scores: of the same rows, [n]; NaN where there is none.
        bins: the bins the column is counted in.

    Returns:
        None where fewer than `FEWEST` rows have both.
    """
    there = np.array([value is not None for value in values], dtype=np.bool_) & np.isfinite(scores)
    if there.sum() < FEWEST:
        return None
    parts = [_part(value, bins) for value, told in zip(values, there, strict=True) if told]
    length = len(bins.values) + 2 if isinstance(bins, CategoryBins) else len(bins.deciles) + 1
    count, total = np.bincount(parts, minlength=length), np.bincount(parts, scores[there], length)
    far = np.where(count > 0, np.abs(total / np.maximum(count, 1) - scores[there].mean()), 0.0)
    return _by_slot(far, bins)


def _by_slot(parts: Floats, bins: Bins) -> Floats:
    """Return what belongs to the ranges between deciles, or to categories, by slot of ``mass``.

    There are more slots than ranges: one explanation or label in each would be noise.
    """
    if isinstance(bins, CategoryBins):
        return parts[np.minimum(np.arange(len(bins.values) + 2), len(parts) - 1)]
    edges = bins.edges
    places = np.zeros(1)
    if len(edges):
        places = np.concatenate([edges[:1] - 1, (edges[1:] + edges[:-1]) / 2, edges[-1:] + 1])
    return parts[np.searchsorted(bins.deciles, places, side="right")]


def _part(value: object, bins: Bins) -> int:
    if isinstance(bins, CategoryBins):
        return max(0, bins.slot(str(value)) - bins.HEAD)
    return int(np.searchsorted(bins.deciles, value, side="right")) if isinstance(value, int | float) else 0
