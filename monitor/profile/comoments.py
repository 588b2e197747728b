"""How columns go together: sums of products of the columns' ranks, as integers that add exactly.

Every value is coded by the middle rank of its bin in the reference, from −1,000 to 1,000 (a category by the rank of its
frequency, so that a code never depends on a name); a value that is not there is coded 0, which is the middle. The sums
over rows of all products of two codes, of all codes, and of the rows themselves are one symmetric matrix. Matrices of
any split and order of the rows add to the same integers. A column whose values come to be dealt to other rows keeps its
own profile, and shows here only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.profile.binning import Binning, Bins, NumericBins
from monitor.profile.column import ColumnProfile, category_slots, numeric_slots
from monitor.profile.values import Floats, Ints, codes

REACH = 1_000
"""The code of the highest rank."""

WHOLE = 50
"""Up to so many columns every row is taken; above, a share of the rows by the hash of their ids, of the same cost."""

_BATCH = 1 << 20  # rows of one product: sums of float64 stay exact integers below 2^53


@dataclass(frozen=True, eq=False)
class Comoments:
    """Sums of products over a set of rows.

    Attributes:
        columns: J names.
        matrix: int64 [J + 1, J + 1], symmetric: products of columns; in the last row and column the sums of codes,
            and in the corner the number of rows.
    """

    columns: tuple[str, ...]
    matrix: Ints

    def __add__(self, other: "Comoments") -> "Comoments":
        """Return the sums over both sets of rows; exact.

        Raises:
            ValueError: they are of other columns.
        """
        if self.columns != other.columns:
            raise ValueError(f"co-moments of {self.columns} and of {other.columns} do not add up")
        return Comoments(self.columns, self.matrix + other.matrix)

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return int(self.matrix[-1, -1])


def rank_codes(reference: ColumnProfile) -> Ints:
    """Return the code of each counter of a column's profile, int64 [length]; 0 where a row holds no usable value.

    Frozen on the reference, like the bins: the same profile gives the same codes.

    Args:
        reference: the column's profile over the whole reference.
    """
    head, mass = reference.binning.HEAD, reference.mass
    places = np.zeros(len(reference.counts), dtype=np.int64)
    middle = (2 * np.cumsum(mass) - mass) * REACH
    total = max(1, int(mass.sum()))
    places[head : head + len(mass)] = middle // total - REACH if mass.sum() else 0
    return places


def comoments(
    batch: pa.Table, binning: Binning, codes_by_column: Mapping[str, Ints], retyped: Mapping[str, Ints] | None = None
) -> Comoments:
    """Return the co-moments of a batch's rows.

    Args:
        batch: a canonical batch; ``_id`` is needed with more than `WHOLE` columns. A column it lacks counts as null.
        binning: the model's bins.
        codes_by_column: what `rank_codes` gave for each column that is to be taken, in order.
        retyped: rows by column that held a value of another type; they count as not there.
    """
    names = tuple(codes_by_column)
    rows = batch if len(names) <= WHOLE else batch.take(pa.array(sampled(batch, len(names))))
    if rows is not batch:
        retyped = None  # a retyped value is null in its column
    coded = np.zeros((rows.num_rows, len(names)), dtype=np.int16)
    for place, name in enumerate(names):
        slots = _slots(rows, binning.columns[name], name)
        for row in (retyped or {}).get(name, ()):
            slots[row] = 1
        coded[:, place] = codes_by_column[name][slots]
    return Comoments(names, products(coded))


def products(coded: Ints) -> Ints:
    """Return the matrix of sums over rows of codes [n, J]: int64 [J + 1, J + 1].

    >>> products(np.array([[1, 2], [3, -1]])).tolist()
    [[10, -1, 4], [-1, 5, 1], [4, 1, 2]]
    """
    size = coded.shape[1] + 1
    total = np.zeros((size, size), dtype=np.int64)
    for start in range(0, len(coded), _BATCH):
        part = np.ones((min(_BATCH, len(coded) - start), size))
        part[:, :-1] = coded[start : start + _BATCH]
        total += np.rint(part.T @ part).astype(np.int64)
    return total


def sampled(batch: pa.Table, columns: int) -> Ints:
    """Return the rows taken with so many columns: those whose id's hash falls in a share of (WHOLE / columns)²."""
    names, which = codes(batch["_id"])
    share = min(1.0, (WHOLE / columns) ** 2)
    taken = np.array([_hash(name) < share for name in names], dtype=bool)
    return np.flatnonzero(taken[which]) if len(names) else which


def _hash(name: str | None) -> float:
    import zlib

    return zlib.crc32((name or "").encode()) / 2**32


def _slots(batch: pa.Table, bins: Bins, name: str) -> Ints:
    column = batch[name] if name in batch.column_names else pa.nulls(batch.num_rows, pa.string())
    return numeric_slots(column, bins)[0] if isinstance(bins, NumericBins) else category_slots(column, bins)


def correlations(matrices: Floats | Sequence[Ints]) -> Floats:
    """Return the rank correlations that co-moment matrices [M, J + 1, J + 1] give, [M, J, J]; 0 without spread."""
    sums = np.asarray(matrices, dtype=np.float64)
    rows = np.maximum(sums[:, -1:, -1:], 1)
    means = sums[:, :-1, -1:] / rows
    covariance = sums[:, :-1, :-1] / rows - means * means.transpose(0, 2, 1)
    spread = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    scale = spread[:, :, None] * spread[:, None, :]
    found: Floats = np.where(scale > 1e-6, covariance / np.maximum(scale, 1e-6), 0.0)
    return np.clip(found, -1.0, 1.0)
