"""Counts of one column in bins, and where shares of the rows and single values lie among them."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows of one column: ``counts[i]`` in [edges[i], edges[i+1]), with those outside the edges apart.

    ``minimum`` and ``maximum`` are of the values seen; they say how far those outside go.
    """

    edges: Floats
    counts: Floats
    below: float = 0.0
    above: float = 0.0
    minimum: float = float("nan")
    maximum: float = float("nan")

    @property
    def total(self) -> float:
        """Rows with a finite value."""
        return float(self.counts.sum() + self.below + self.above)


def quantile(histogram: Histogram, share: float) -> float:
    """The value below which ``share`` of the rows lie, linear within a bin; NaN without rows.

    >>> quantile(Histogram(np.array([0.0, 1, 2]), np.array([1.0, 1])), 0.75)
    1.5
    """
    if histogram.total <= 0:
        return float("nan")
    rows = np.concatenate(([histogram.below], histogram.counts))
    return float(np.interp(share * histogram.total, np.cumsum(rows), histogram.edges))


def _bin(histogram: Histogram, value: float) -> int | None:
    """Which bin a value falls in; None outside the edges."""
    if not histogram.edges[0] <= value <= histogram.edges[-1]:
        return None
    return min(int(np.searchsorted(histogram.edges, value, side="right")) - 1, len(histogram.counts) - 1)


def midrank(histogram: Histogram, value: float) -> float:
    """Where a value lies among the rows: the share below its bin and half of its bin's own; NaN without rows.

    A value that most rows hold so lies in their middle, not at an end.

    >>> midrank(Histogram(np.array([0.0, 1, 2]), np.array([8.0, 2])), 0)
    0.4
    """
    if histogram.total <= 0 or not np.isfinite(value):
        return float("nan")
    at = _bin(histogram, value)
    if at is None:
        return 0.0 if value < histogram.edges[0] else 1.0
    return float(histogram.below + histogram.counts[:at].sum() + histogram.counts[at] / 2) / histogram.total


def own_share(histogram: Histogram, value: float) -> float:
    """The share of the rows in the same bin as a value; 0 outside the edges.

    >>> own_share(Histogram(np.array([0.0, 1, 2]), np.array([8.0, 2])), 0)
    0.8
    """
    at = _bin(histogram, value)
    return 0.0 if at is None or histogram.total <= 0 else float(histogram.counts[at] / histogram.total)


def atoms(edges: Floats) -> Floats | None:
    """The distinct values behind edges that lie half-way between them; None where bins hold more than one value.

    Bins of a column with few distinct values (see `monitor.profile.edges`) hold one each, so that each follows from
    the one before and the edge between them. Any other edges soon lead to a value outside its bin.

    >>> atoms(np.array([0.0, 0.5, 2.5, 4.0]))
    array([0., 1., 4.])
    >>> atoms(np.array([0.0, 0.5, 2.5, 9.0]))
    """
    if len(edges) < 2:
        return None
    values = np.array([*itertools.accumulate(edges[1:-1], lambda value, cut: 2 * cut - value, initial=edges[0])])
    slack = 1e-5 * float(np.abs(edges[[0, -1]]).max())  # the outer edges lie a little beyond the outer values
    within = (values >= edges[:-1] - slack).all() and (values <= edges[1:] + slack).all()
    if not within or values[-1] < edges[-1] - slack or (np.diff(values) <= 0).any():
        return None
    spread = float(edges[-1] - edges[0])
    rounded = np.round(values, 5 - int(np.floor(np.log10(spread)))) + 0.0
    return np.asarray(np.clip(rounded, edges[0], edges[-1]))


def usual(histogram: Histogram, share: float = 0.9) -> tuple[float, float]:
    """The least and greatest value of the bins that the middle ``share`` of the rows touches; NaN without rows.

    >>> usual(Histogram(np.array([0.0, 0.5, 2.5, 4.0]), np.array([96.0, 3.0, 1.0])))
    (0.0, 0.0)
    """
    if histogram.total <= 0 or not histogram.counts.any():
        return float("nan"), float("nan")
    reached = histogram.below + np.cumsum(histogram.counts)
    tail = histogram.total * (1 - share) / 2
    last_bin = len(histogram.counts) - 1
    first = min(int(np.searchsorted(reached, tail, side="right")), last_bin)
    last = min(int(np.searchsorted(reached, histogram.total - tail, side="left")), last_bin)
    values = atoms(histogram.edges)
    if values is not None:
        return float(values[first]), float(values[last])
    low, high = histogram.edges[first], histogram.edges[last + 1]
    return float(np.fmax(low, histogram.minimum)), float(np.fmin(high, histogram.maximum))


def rebin(histogram: Histogram, edges: Floats) -> Floats:
    """Spread a histogram's bins over other edges, evenly within each bin. What lies outside them is left out.

    >>> rebin(Histogram(np.array([0.0, 2, 4]), np.array([4.0, 8])), np.array([0.0, 1, 2, 3])).tolist()
    [2.0, 2.0, 4.0]
    """
    return np.diff(np.interp(edges, histogram.edges, _reached(histogram)))


def beyond(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """Rows within the histogram's own edges, but below ``low`` and above ``high``.

    >>> beyond(Histogram(np.array([0.0, 2, 4]), np.array([4.0, 8])), 1.0, 3.0)
    (2.0, 4.0)
    """
    reached = _reached(histogram)
    under, over = np.interp([low, high], histogram.edges, reached)
    return float(under), float(reached[-1] - over)


def _reached(histogram: Histogram) -> Floats:
    return np.concatenate(([0.0], np.cumsum(histogram.counts)))
