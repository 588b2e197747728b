"""Rows as the counters they fall in, so that thousands of chunks of them are profiled at once.

The bins, the counters and the ranks are those of `monitor.profile`; what is quick here is only the counting. A test
holds that both count the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa

from monitor.detection import Batch, Tallies
from monitor.profile.binning import Binning, Bins, NumericBins
from monitor.profile.column import ColumnProfile, category_slots, numeric_slots
from monitor.profile.comoments import rank_codes
from monitor.profile.distinct import distinct_values
from monitor.profile.fixed import FIRST, SECOND, first, fixed
from monitor.profile.freeze import make_binning
from monitor.types import ModelSchema
from tests.benchmarks.streams.stream import Floats, Ints

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Coded:
    """N rows of J columns in the bins of a reference.

    Attributes:
        binning: the bins.
        slots: by column, the counter of each row, [N].
        values: by numeric column, the values, NaN where there is none, [N].
        codes: by column, the rank code of each counter.
    """

    binning: Binning
    slots: Mapping[str, Ints]
    values: Mapping[str, Floats]
    codes: Mapping[str, Ints]

    @classmethod
    def of(cls, table: pa.Table, schema: ModelSchema, reference: Ints) -> "Coded":
        """Code all rows of a table in the bins that some of its rows, as the reference, give."""
        known = make_binning(table.take(pa.array(reference)), schema)
        names = [name for name in known.columns if name in table.column_names]
        coded = cls(Binning.of({name: known.columns[name] for name in names}), {}, {}, {})
        coded = coded.with_columns(table, names)
        codes = {}
        for name in names:
            bins = known.columns[name]
            counts = np.bincount(coded.slots[name][reference], minlength=bins.length)
            codes[name] = rank_codes(ColumnProfile(name, bins, counts))
        return replace(coded, codes=codes)

    def with_columns(self, table: pa.Table, names: Sequence[str]) -> "Coded":
        """Return the same rows with some columns replaced by those of a table, in the bins there are."""
        slots, values = dict(self.slots), dict(self.values)
        for name in names:
            bins = self.binning.columns[name]
            if isinstance(bins, NumericBins):
                slots[name], values[name] = numeric_slots(table[name], bins)
            else:
                slots[name] = category_slots(table[name], bins)
        return replace(self, slots=slots, values=values)

    def batch(self, rows: Ints, starts: Sequence[datetime] | None = None, *, joint: bool = True) -> Batch:
        """Profile M chunks of n rows each, [M, n]; without times a chunk is a day, one after the other."""
        chunks, size = rows.shape
        return self.grouped(rows.ravel(), np.repeat(np.arange(chunks), size), chunks, starts, joint=joint)

    def grouped(
        self, rows: Ints, group: Ints, chunks: int, starts: Sequence[datetime] | None = None, *, joint: bool = True
    ) -> Batch:
        """Profile chunks of any sizes: row ``rows[i]`` is in chunk ``group[i]``; ``group`` does not decrease."""
        edges = np.searchsorted(group, np.arange(chunks + 1))
        tallies = {name: self._tally(name, rows, group, edges) for name in self.slots}
        matrices = self._matrices(rows, edges) if joint and len(self.slots) > 1 else None
        return Batch(starts or days(chunks), tallies, matrices)

    def _tally(self, name: str, rows: Ints, group: Ints, edges: Ints) -> Tallies:
        bins, chunks = self.binning.columns[name], len(edges) - 1
        flat = np.bincount(group * bins.length + self.slots[name][rows], minlength=chunks * bins.length)
        low, high = np.full(chunks, np.inf), np.full(chunks, -np.inf)
        some = edges[1:] > edges[:-1]
        if name in self.values and some.any():
            values = self.values[name][rows]
            self._add_moments(flat.reshape(chunks, bins.length), bins, values, group)
            low[some] = np.fmin.reduceat(values, edges[:-1][some])
            high[some] = np.fmax.reduceat(values, edges[:-1][some])
        low, high = np.where(np.isnan(low), np.inf, low), np.where(np.isnan(high), -np.inf, high)
        return Tallies(name, bins, flat.reshape(chunks, bins.length), low, high)

    def _add_moments(self, counts: Ints, bins: Bins, values: Floats, group: Ints) -> None:
        """Add the sum of values to a discrete column's counters; the detector reads no other column's."""
        if isinstance(bins, NumericBins) and distinct_values(bins) is not None:
            q = fixed(np.where(np.isnan(values), bins.center, values), bins.center, bins.scale)
            for at, limb in enumerate(first(q)):
                counts[:, at - FIRST - SECOND] = np.rint(np.bincount(group, limb, len(counts)))

    def _matrices(self, rows: Ints, edges: Ints) -> Floats:
        size = len(self.slots) + 1
        coded = np.ones((len(rows), size), dtype=np.float32)
        for place, name in enumerate(self.slots):
            coded[:, place] = self.codes[name].astype(np.float32)[self.slots[name][rows]]
        found = np.empty((len(edges) - 1, size, size))
        for at, (low, high) in enumerate(pairwise(edges)):
            part = coded[low:high].astype(np.float64)
            found[at] = part.T @ part
        return found


def days(count: int, first: int = 0) -> list[datetime]:
    """Return the starts of consecutive days."""
    return [START + timedelta(days=first + at) for at in range(count)]
