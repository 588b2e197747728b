"""A value that Evidently has by the same definition: the Wasserstein distance in units of the reference's deviation."""

import numpy as np

from monitor.profile.column import ColumnProfile


def normed_wasserstein(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return the Wasserstein distance of two profiles in the column's unit, over the reference's standard deviation.

    Values are spread evenly within their bin: it is off by at most the mean width of a bin, weighted by its share.
    """
    if not reference.present or not current.present:
        return float("nan")
    low, high = min(reference.minimum, current.minimum), max(reference.maximum, current.maximum)
    grid = np.clip(np.concatenate([[low], reference.binning.edges, [high]]), low, high)  # type: ignore[union-attr]
    before, after = (np.concatenate([[0], np.cumsum(each.mass)]) / each.present for each in (reference, current))
    return float(_area(after - before, np.diff(grid)) / max(reference.std, 1e-3))


def _area(heights: np.ndarray, widths: np.ndarray) -> float:
    """Return the area between a broken line and zero: where it crosses zero, of the two triangles."""
    left, right = heights[:-1], heights[1:]
    size = np.abs(left) + np.abs(right)
    crossing = left * right < 0
    share = np.where(crossing, (left**2 + right**2) / np.maximum(size, 1e-300) / 2, size / 2)
    return float((share * widths).sum())
