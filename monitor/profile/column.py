"""The profile of one column: how many rows fell where, and the exact sums that mean and deviation follow from.

Layout of ``counts`` (int64). Every row is in exactly one of the slots, so rows = their sum:

- numeric: null, retyped, NaN, +inf, −inf, below, the bins, above; then the limbs of Σq (2) and Σq² (3) over the finite
  values, see `monitor.profile.fixed`.
- category: null, retyped, the values of the binning, other, unseen.

All of it adds elementwise.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitor.profile import fixed
from monitor.profile.binning import Bins, CategoryBins, NumericBins
from monitor.profile.values import Bools, Floats, Ints, codes, numbers

NULL, RETYPED, NAN, POSITIVE, NEGATIVE = range(5)

_MANY = 1_000  # fewer values are searched for: looking up takes more steps


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """The mergeable summary of one column over any set of rows.

    Attributes:
        column: the column's name.
        binning: what it is counted in.
        counts: int64, laid out as the module says.
        minimum: the least finite value, +inf if there is none (always for a category).
        maximum: the greatest finite value, −inf if there is none.
    """

    column: str
    binning: Bins
    counts: Ints
    minimum: float = math.inf
    maximum: float = -math.inf

    def __post_init__(self) -> None:
        if len(self.counts) != self.binning.length:
            raise ValueError(f"{self.column}: {len(self.counts)} counters, but its bins need {self.binning.length}")

    def __add__(self, other: "ColumnProfile") -> "ColumnProfile":
        """Return the profile of both sets of rows; exact."""
        if other.column != self.column or len(other.counts) != len(self.counts):
            raise ValueError(f"profiles of {self.column!r} and {other.column!r} in other bins do not add up")
        return ColumnProfile(
            self.column,
            self.binning,
            self.counts + other.counts,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    @property
    def kind(self) -> str:
        """Either ``numeric`` or ``category``."""
        return self.binning.kind

    @cached_property
    def mass(self) -> Ints:
        """Rows in order along the number line: below, the bins, above; or by category: the values, other, unseen."""
        if isinstance(self.binning, NumericBins):
            return self.counts[self.binning.HEAD : self.binning.HEAD + len(self.binning.edges) + 1]
        return self.counts[self.binning.HEAD :]

    @property
    def bins(self) -> Ints:
        """Rows in each bin between the edges, or of each value of the binning."""
        if isinstance(self.binning, NumericBins):
            return self.mass[1:-1]
        return self.mass[:-2]

    @cached_property
    def rows(self) -> int:
        """How many rows it was made of."""
        return int(self.counts[: self.binning.HEAD].sum()) + self.present

    @cached_property
    def present(self) -> int:
        """How many rows hold a usable value: not null, not retyped, not NaN or infinite."""
        return int(self.mass.sum())

    @property
    def nulls(self) -> int:
        """How many rows hold nothing."""
        return int(self.counts[NULL])

    @property
    def invalid(self) -> int:
        """How many rows held a value of another type than the schema's (kept aside, null in the column)."""
        return int(self.counts[RETYPED])

    @property
    def non_finite(self) -> int:
        """How many rows hold NaN or an infinity."""
        return int(self.counts[NAN : NEGATIVE + 1].sum()) if isinstance(self.binning, NumericBins) else 0

    @property
    def below(self) -> int:
        """How many values are less than every reference value (with an empty reference: how many there are)."""
        return int(self.mass[0]) if isinstance(self.binning, NumericBins) else 0

    @property
    def above(self) -> int:
        """How many values are greater than every reference value."""
        return int(self.mass[-1]) if isinstance(self.binning, NumericBins) and len(self.binning.edges) else 0

    @property
    def other(self) -> int:
        """How many values are known from the reference but too rare to be counted apart."""
        return int(self.mass[-2]) if isinstance(self.binning, CategoryBins) else 0

    @property
    def unseen(self) -> int:
        """How many values the reference never held."""
        return int(self.mass[-1]) if isinstance(self.binning, CategoryBins) else 0

    @property
    def labels(self) -> tuple[str, ...]:
        """What the entries of a category's ``mass`` stand for; empty for numbers."""
        return (*self.binning.values, "(other)", "(unseen)") if isinstance(self.binning, CategoryBins) else ()

    @cached_property
    def mean(self) -> float:
        """The mean of the finite values, to 2.4e-7 reference standard deviations; NaN without any."""
        if not isinstance(self.binning, NumericBins) or not self.present:
            return math.nan
        mean = fixed.mean(self._total, self.present, self.binning.center, self.binning.scale)
        return min(max(mean, self.minimum), self.maximum)  # a column of zeros has a mean of 0, not of the last rounding

    @cached_property
    def std(self) -> float:
        """The population standard deviation of the finite values, as exact as the mean; NaN without any."""
        if not isinstance(self.binning, NumericBins):
            return math.nan
        squares = fixed.joined(self.counts[-fixed.SECOND :])
        return math.sqrt(fixed.variance(self._total, squares, self.present)) * self.binning.scale

    @property
    def _total(self) -> int:
        return fixed.joined(self.counts[-fixed.SECOND - fixed.FIRST : -fixed.SECOND])

    def quantile(self, q: float) -> float:
        """Return the value below which a share ``q`` of the finite values lies, spread evenly within each bin.

        It is off by at most the width of the bin it falls in. NaN for a category or without values.
        """
        if not isinstance(self.binning, NumericBins) or not self.present:
            return math.nan
        if not len(self.binning.edges):
            return self.minimum + q * (self.maximum - self.minimum)
        cuts = np.clip(np.concatenate([[-np.inf], self.binning.edges, [np.inf]]), self.minimum, self.maximum)
        reached = np.concatenate([[0], np.cumsum(self.mass)])
        target = q * reached[-1]
        place = min(int(np.searchsorted(reached[1:], target)), len(self.mass) - 1)
        share = (target - reached[place]) / max(1, self.mass[place])
        return float(cuts[place] + share * (cuts[place + 1] - cuts[place]))


def numeric_slots(
    column: pa.Array | pa.ChunkedArray, bins: NumericBins
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return, for each row, its slot in ``counts`` and its value (NaN where it is not a finite number)."""
    values, nulls = numbers(column)
    return place(values, nulls, bins), np.where(nulls | ~np.isfinite(values), np.nan, values)


def place(values: Floats, nulls: Bools, bins: NumericBins) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the slot in ``counts`` of each value."""
    finite = np.isfinite(values)
    if not finite.all():
        slots = place(np.where(finite, values, 0.0), nulls, bins)
        slots[np.isnan(values)] = NAN
        slots[values == np.inf] = POSITIVE
        slots[values == -np.inf] = NEGATIVE
    elif len(values) >= _MANY and bins.cells is not None:
        slots = bins.cells.bins(values)
        slots += bins.HEAD
    else:
        slots = bins.HEAD + np.searchsorted(bins.edges, values, side="right")
    if nulls.any():
        slots[nulls] = NULL
    return slots


def category_slots(column: pa.Array | pa.ChunkedArray, bins: CategoryBins) -> Ints:
    """Return, for each row, its slot in ``counts``."""
    values, which = codes(column)
    places = np.array([bins.slot(value) for value in values], dtype=np.int64)
    return places[which] if len(places) else which
