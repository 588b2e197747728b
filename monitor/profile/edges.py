"""Where to cut a number line into bins so that the reference is resolved and every transport agrees.

Edges lie half-way between distinct reference values: a value that arrives as FP32 in one request and as JSON in the
next falls in the same bin. At most 240 bins hold about equally many reference rows; the deciles are among the edges.
"""

import numpy as np

from monitor.profile.values import Floats, Ints

BINS = 240
_ROUNDING = 1e-15  # of a value's size: what lies closer together differs by rounding, such as 0.3 and 0.1 + 0.2
PAD = 1e-6
"""How far beyond the least and greatest value the outer edges lie, as a part of these: FP32 keeps about 7 digits, and
the rounded maximum must not read as above the maximum."""


def reference_edges(values: Floats) -> Floats:
    """Return increasing edges that enclose finite ``values``; none if there are no values.

    >>> reference_edges(np.array([1.0, 2.0, 2.0, 4.0])).round(2)
    array([1. , 1.5, 3. , 4. ])
    """
    return edges_of(np.sort(values))


def edges_of(ascending: Floats) -> Floats:
    """Return the edges of finite values that are sorted already; see `reference_edges`."""
    if not len(ascending):
        return np.empty(0)
    last = np.append(np.flatnonzero(ascending[1:] != ascending[:-1]), len(ascending) - 1)  # of each distinct value
    distinct = ascending[last]
    cuts = np.arange(len(distinct) - 1)
    if len(distinct) > BINS:
        cuts = _quantile_cuts(last + 1)
    below, above = distinct[cuts], distinct[cuts + 1]
    middle = below / 2 + above / 2  # never overflows, unlike the sum
    middle = np.where((middle > below) & (middle <= above), middle, above)
    lowest, highest = _outermost(distinct)
    edges: Floats = np.concatenate([[lowest], middle, [highest]])
    return edges


def decile_cuts(ascending: Floats, edges: Floats) -> Floats:
    """Return the inner edges nearest to the deciles of sorted finite values, at most nine, increasing.

    >>> decile_cuts(np.array([0.0] * 6 + [1.0] * 4), np.array([0.0, 0.5, 1.0])).tolist()
    [0.5]
    """
    if len(edges) < 3:
        return np.empty(0)
    below = np.searchsorted(ascending, edges[1:-1])
    targets = np.arange(1, 10) * (len(ascending) / 10)
    nearest = np.abs(below[:, None] - targets).argmin(axis=0)
    cuts: Floats = np.unique(edges[1:-1][nearest])
    return cuts


def _quantile_cuts(below: Ints) -> Ints:
    """Return after which distinct values to cut: those whose cumulative count is nearest to each 240th.

    Args:
        below: how many rows hold each distinct value or a lesser one, increasing.
    """
    rows = below[-1]
    targets = np.arange(1, BINS) * (rows / BINS)
    at = np.searchsorted(below, targets)
    earlier = np.maximum(at - 1, 0)
    nearest = np.where(targets - below[earlier] < below[at] - targets, earlier, at)
    return np.unique(np.clip(nearest, 0, len(below) - 2))


def _outermost(distinct: Floats) -> tuple[float, float]:
    """Return the first and last edge: a little beyond the least and greatest of the ``distinct`` values."""
    limit = np.finfo(np.float64).max
    with np.errstate(over="ignore"):  # what overflows is brought back to the limit
        gap = min(float(np.ptp(distinct)), limit) or 1.0
        lowest = max(-limit, distinct[0] - PAD * (abs(distinct[0]) or gap / len(distinct)))
        highest = distinct[-1] + PAD * (abs(distinct[-1]) or gap / len(distinct))
        return float(lowest), float(min(limit, max(highest, np.nextafter(distinct[-1], np.inf))))


def score_edges(threshold: float, bins: int = 1000) -> Floats:
    """Return the edges of ``bins`` equal bins on [0, 1] with the nearest edge moved to the decision threshold.

    >>> score_edges(0.25, bins=4).round(2)
    array([-0.  ,  0.25,  0.5 ,  0.75,  1.  ])
    """
    edges = np.linspace(0, 1, bins + 1)
    if 0 < threshold < 1:
        edges[np.clip(round(threshold * bins), 1, bins - 1)] = threshold
    edges[0], edges[-1] = -PAD, 1 + PAD
    return edges


def latency_edges() -> Floats:
    """Return 200 bins, each 10 % wider than the one before, from 0.01 ms to one hour, in milliseconds."""
    return np.geomspace(0.01, 3_600_000, 201)


def memory_edges() -> Floats:
    """Return 160 bins, each 10 % wider than the one before, from 1 MiB to about 4 TiB, in MiB."""
    return np.geomspace(1.0, 1.1**160, 161)


def location(values: Floats) -> tuple[float, float]:
    """Return the mean and standard deviation of finite values; the scale is never 0.

    Without spread beyond rounding the scale is the constant's own size, or 1.

    >>> location(np.array([3.0, 3.0]))
    (3.0, 3.0)
    """
    if not len(values):
        return 0.0, 1.0
    size = float(np.abs(values).max())
    if size == 0:
        return 0.0, 1.0
    small = values / size  # squares of huge values overflow
    center = float(small.mean()) * size
    spread = float(small.std())
    return (center, spread * size or size) if spread > 1e-12 else _close(values, size)


def _close(values: Floats, size: float) -> tuple[float, float]:
    """Return the location of values that lie so close together that their mean rounds as far as they spread."""
    least = float(values.min())
    beyond = values - least  # exact, so near to each other are they
    unit = float(beyond.max()) or 1.0  # squares of these may overflow too
    spread = float((beyond / unit).std()) * unit
    return least + float((beyond / unit).mean()) * unit, (spread if spread > _ROUNDING * size else size)
