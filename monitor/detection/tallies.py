"""The profiles of one column over many chunks as one table of counts: what every law here is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.profile.binning import Bins, NumericBins
from monitor.profile.column import NAN, NEGATIVE, NULL, RETYPED, ColumnProfile
from monitor.profile.values import Floats, Ints


@dataclass(frozen=True, eq=False)
class Tallies:
    """One column over M chunks.

    Attributes:
        column: its name.
        binning: what it is counted in.
        counts: int64 [M, length], each row laid out as in `monitor.profile.column`.
        minimum, maximum: the least and greatest finite value of each chunk, [M]; +inf and −inf without any.
    """

    column: str
    binning: Bins
    counts: Ints
    minimum: Floats
    maximum: Floats

    @classmethod
    def of(cls, profiles: Sequence[ColumnProfile]) -> "Tallies":
        """Stack the profiles of one column, at least one, all in the same bins.

        Raises:
            ValueError: the profiles are of several columns or binnings.
        """
        first = profiles[0]
        for each in profiles:
            if each.column != first.column or len(each.counts) != len(first.counts):
                raise ValueError(f"profiles of {first.column!r} and {each.column!r} in other bins do not compare")
        return cls(
            first.column,
            first.binning,
            np.stack([each.counts for each in profiles]).astype(np.int64),
            np.array([each.minimum for each in profiles]),
            np.array([each.maximum for each in profiles]),
        )

    def take(self, rows: Ints) -> "Tallies":
        """Return some of the chunks."""
        return Tallies(self.column, self.binning, self.counts[rows], self.minimum[rows], self.maximum[rows])

    @property
    def numeric(self) -> bool:
        """Whether the column is counted along a number line."""
        return isinstance(self.binning, NumericBins)

    @property
    def mass(self) -> Ints:
        """Usable values by slot, [M, slots]: below, bins, above; or the categories, other, unseen."""
        head = self.binning.HEAD
        return self.counts[
            :, head : head + len(self.binning.edges) + 1 if isinstance(self.binning, NumericBins) else None
        ]

    @property
    def present(self) -> Ints:
        """Usable values of each chunk, [M]."""
        present: Ints = self.mass.sum(axis=1)
        return present

    @property
    def rows(self) -> Ints:
        """Rows of each chunk, [M]."""
        rows: Ints = self.counts[:, : self.binning.HEAD].sum(axis=1) + self.present
        return rows

    @property
    def nulls(self) -> Ints:
        """Rows that hold nothing, [M]."""
        return self.counts[:, NULL]

    @property
    def retyped(self) -> Ints:
        """Rows that held a value of another type, [M]."""
        return self.counts[:, RETYPED]

    @property
    def non_finite(self) -> Ints:
        """Rows that hold NaN or an infinity, [M]."""
        if not self.numeric:
            return np.zeros(len(self.counts), dtype=np.int64)
        found: Ints = self.counts[:, NAN : NEGATIVE + 1].sum(axis=1)
        return found
