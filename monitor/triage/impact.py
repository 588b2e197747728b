"""How much a column's shift matters to the model: Σ over bins of (share now − share before) × weight of the bin.

The weight of a bin is the mean |attribution| of the column's values in it, where the model has been explained often
enough, else how far the mean score of rows in it is from the mean of all.
"""

from collections.abc import Sequence

import numpy as np

from monitor.profile.binning import Bins, CategoryBins, NumericBins
from monitor.profile.column import ColumnProfile
from monitor.profile.segment_sums import SegmentSums
from monitor.profile.values import Floats
from monitor.types import Explanation

FEWEST = 30
"""With fewer explanations attributions say too little about bins."""

_PRIOR = 5.0  # explanations that the mean over all bins counts as


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
    """Return the mean |attribution| by slot of ``mass``, each shrunk to the mean of all; None with too few.

    Args:
        explanations: of rows of one model.
        column: which column.
        bins: the bins it is counted in.
    """
    slots, sizes = [], []
    for each in explanations:
        value = each.values.get(column)
        if column in each.attributions and value is not None:
            slots.append(_slot(value, bins))
            sizes.append(abs(each.attributions[column]))
    if len(slots) < FEWEST:
        return None
    length = _slots(bins)
    count, total = np.bincount(slots, minlength=length), np.bincount(slots, sizes, length)
    found: Floats = (total + _PRIOR * float(np.mean(sizes))) / (count + _PRIOR)
    return found


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
    if isinstance(bins, CategoryBins):
        return far[np.minimum(np.arange(_slots(bins)), len(far) - 1)]
    middle = np.concatenate([bins.edges[:1] - 1, (bins.edges[1:] + bins.edges[:-1]) / 2, bins.edges[-1:] + 1])
    return far[np.searchsorted(bins.deciles, middle[: _slots(bins)], side="right")]


def _slots(bins: Bins) -> int:
    return len(bins.edges) + 1 if isinstance(bins, NumericBins) else len(bins.values) + 2


def _slot(value: object, bins: Bins) -> int:
    if isinstance(bins, CategoryBins):
        return max(0, bins.slot(str(value)) - bins.HEAD)
    return int(np.searchsorted(bins.edges, value, side="right")) if isinstance(value, int | float) else 0
