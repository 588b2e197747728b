"""Wasserstein distance of values, in the column's own unit."""

import math
from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, cumulative_difference
from monitor.profile import fixed
from monitor.profile.binning import NumericBins
from monitor.profile.column import ColumnProfile
from monitor.profile.distinct import distinct_values
from monitor.profile.edges import PAD
from monitor.profile.values import Floats


class RawWasserstein(DriftMeasure):
    """The mean distance by which a value must move, in the column's own unit.

    Every value is taken for the middle of its bin, which is at most half the bin's width from it; so the distance is
    off by at most Σ width · (p + q) / 2 over the bins, and exact, but for a
    millionth of the values, where every value has a bin of its own. It is never
    less than the change of the mean, which is known exactly and which a Wasserstein distance is at least.

    One huge value counts as far as it lies: `RankWasserstein` is deaf to it, and reads the same in every unit.
    """

    name: ClassVar[str] = "wasserstein_raw"
    title: ClassVar[str] = "Wasserstein distance of values, in the column's unit"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric"})
    floor: ClassVar[float] = 0.1
    scaled: ClassVar[bool] = True

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        difference, _ = cumulative_difference(reference, current)
        with np.errstate(over="ignore"):  # numbers near the end of what a float holds: the distance is then not told
            steps = np.diff(places(reference, current))
            moved = float(np.sum(np.abs(difference[:-1]) * np.clip(steps, 0.0, np.finfo(np.float64).max)))
            found = max(moved, abs(current.mean - reference.mean) - _rounding(reference))
        return found if math.isfinite(found) else None


def _rounding(reference: ColumnProfile) -> float:
    """Return by how much means may be off: by much where numbers far from zero are hardly told apart by rounding."""
    bins = reference.binning
    unit = bins.scale / (1 << fixed.FRACTION) if isinstance(bins, NumericBins) else 0.0
    return unit if reference.maximum / 2 - reference.minimum / 2 < unit else 0.0


def places(reference: ColumnProfile, current: ColumnProfile) -> Floats:
    """Return where the values of each slot of ``mass`` are taken to lie."""
    bins = reference.binning
    if not isinstance(bins, NumericBins) or not len(bins.edges):
        return np.zeros(1)
    edges, inside = bins.edges, _values(bins)
    least, greatest = min(reference.minimum, current.minimum), max(reference.maximum, current.maximum)
    if inside is None:
        ends = edges.copy()  # the outermost lie a millionth of their size beyond the values, however close these are
        ends[0], ends[-1] = max(ends[0], least), min(ends[-1], greatest)
        inside = ends[:-1] / 2 + ends[1:] / 2
    low, high = min(least, float(edges[0])), max(greatest, float(edges[-1]))
    return np.concatenate([[low / 2 + edges[0] / 2], inside, [high / 2 + edges[-1] / 2]])


def _values(bins: NumericBins) -> Floats | None:
    """Return the one value in each bin, or None where there are more, or rounding hides them.

    All follow from the least (see `distinct_values`), which the first edge is a millionth short of: much, for values
    close together and far from zero.
    """
    values = distinct_values(bins)
    if values is None or not math.isfinite(float(bins.edges[-1]) - float(bins.edges[0])):
        return values
    if np.spacing(np.abs(bins.edges).max()) * len(values) > np.diff(bins.edges).min():
        return None  # what one edge is rounded by, all values after it would be off by
    first, sign = float(bins.edges[0]), (-1.0) ** np.arange(len(values))
    short = abs(first) * PAD / (1 - math.copysign(PAD, first))
    found: Floats = first + sign * (short + 2 * np.cumsum(sign * (bins.edges[:-1] - first)))
    return found
