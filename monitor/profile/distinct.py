"""The values of a column whose reference held few enough for a bin each."""

import numpy as np

from monitor.profile.binning import Bins, NumericBins
from monitor.profile.edges import BINS
from monitor.profile.values import Floats

_SLACK = 1e-5


def distinct_values(bins: Bins) -> Floats | None:
    """Return the one value in each bin of a column whose reference held few enough for a bin each; None for others.

    Edges lie half-way between neighbouring values, and the outer ones at the least and greatest (see
    `monitor.profile.edges`), so that the values follow one from another.

    >>> distinct_values(NumericBins(np.array([1.0, 1.5, 3.0, 4.0]), 2.0, 1.0)).tolist()
    [1.0, 2.0, 4.0]
    """
    if not isinstance(bins, NumericBins) or not 1 < len(bins.edges) <= BINS:
        return None
    edges, values = bins.edges, np.empty(len(bins.edges) - 1)
    values[0] = edges[0]
    for at in range(1, len(values)):
        values[at] = 2 * edges[at] - values[at - 1]
    slack = _SLACK * (np.abs(edges).max() + np.ptp(edges))
    inside = (values >= edges[:-1] - slack) & (values <= edges[1:] + slack)
    return values if inside.all() and abs(values[-1] - edges[-1]) <= slack else None
