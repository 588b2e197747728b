"""Where the values of a batch fall in a model's bins, found once for all that counts them."""

from collections.abc import Callable, Container

import numpy as np
import pyarrow as pa

from monitor.profile.binning import NEW, NO, YES, Binning, NumericBins
from monitor.profile.column import RETYPED, category_slots, place
from monitor.profile.derived import derived_values
from monitor.profile.values import Bools, Floats, Ints, flagged, numbers, sizes


class Placed:
    """The columns of one batch as they are counted.

    Args:
        batch: a canonical batch; a column it lacks counts as null.
        binning: the model's bins.
        shared: the columns that are asked for more than once: their slots are kept.
    """

    def __init__(self, batch: pa.Table, binning: Binning, shared: Container[str] = ()) -> None:
        self.batch, self.binning = batch, binning
        self.retyped = flagged(batch, "retyped")
        self._shared = shared
        self._slots: dict[str, Ints] = {}
        self._derived: dict[str, Callable[[str], pa.Array]] = {}

    def column(self, name: str) -> pa.Array | pa.ChunkedArray:
        """Return the values that are counted under a column's name."""
        batch = self.batch
        if name == NEW:
            return self._new()
        feature, _, figure = name.rpartition(".")
        if feature and name not in batch.column_names and feature in batch.column_names:
            if feature not in self._derived:
                self._derived[feature] = derived_values(batch, feature, self.binning.usual)
            return self._derived[feature](figure)
        return sizes(batch, name)

    def _new(self) -> pa.Array:
        found = flagged(self.batch, "new")
        if not found:
            return pa.repeat(pa.scalar(NO), self.batch.num_rows)
        carried = np.full(self.batch.num_rows, NO, dtype=object)
        for rows in found.values():
            carried[rows] = YES
        return pa.array(carried, pa.string())

    def slots(self, name: str, read: tuple[Floats, Bools] | None = None) -> Ints:
        """Return the counter of the column's profile that each row falls in, int64 [n]; not to be written to.

        Args:
            name: of the column.
            read: its values and nulls (see `monitor.profile.values.numbers`) where they have been read already.
        """
        found = self._slots.get(name)
        if found is None:
            bins = self.binning.bins(name)
            if isinstance(bins, NumericBins):
                found = place(*(read or numbers(self.column(name))), bins)
            else:
                found = category_slots(self.column(name), bins)
            if name in self.retyped:
                found[self.retyped[name]] = RETYPED
            if name in self._shared:
                self._slots[name] = found
        return found
