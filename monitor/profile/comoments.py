"""How columns go together: sums of products of the columns' ranks, as integers that add exactly.

Every value is coded by the middle rank of its bin in the reference, from −1,000 to 1,000 (a category by the rank of its
frequency, so that a code never depends on a name); a value that is not there is coded 0, which is the middle. The sums
over rows of all products of two codes, of all codes, and of the rows themselves are one symmetric matrix. Matrices of
any split and order of the rows add to the same integers. A column whose values come to be dealt to other rows keeps its
own profile, and shows here only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from monitor.profile.binning import LATENCY, NEW, OUTCOME, PREDICTION, Binning, Bins
from monitor.profile.column import ColumnProfile
from monitor.profile.groups import group
from monitor.profile.pieces import PIECES
from monitor.profile.placed import Placed
from monitor.profile.ranks import middle_ranks
from monitor.profile.values import Floats, Ints, codes
from monitor.types import ALL, Kind, ModelSchema

JOINT = "_joint"
"""The column that pieces of co-moments are of."""

MOST = 100
"""Columns that are taken, in the schema's order: a matrix grows with their square."""

WHOLE = 50
"""Up to so many columns every row is taken; above, a share of the rows by the hash of their ids, of the same cost."""

_CONSTANT = 3  # slots of a column of one value: below it and above it, or others and unseen
_BATCH = 1 << 14  # rows of one sum: that of float64 stays an exact integer below 2^53
_WORK = (
    1 << 17
)  # multiplications of one product: for more, BLAS wakes a thread a core, which costs a hundred times that


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
    return _spread(reference.binning, middle_ranks(reference.mass))


def _spread(bins: Bins, ranks: Ints) -> Ints:
    places = np.zeros(bins.length, dtype=np.int64)
    places[bins.HEAD : bins.HEAD + len(ranks)] = ranks
    return places


def joined(schema: ModelSchema, binning: Binning) -> dict[str, Ints]:
    """Return the code of each counter of the columns whose pairs are looked at, by column, at most `MOST`.

    They are what is profiled of the features (but ids, images and times, which are new in every row) and the score, as
    far as the reference has several values of them; none with bins of an earlier version.
    """
    unread = {each.name for each in schema.features if each.kind in (Kind.ID, Kind.IMAGE, Kind.TIMESTAMP)}
    unread |= {PREDICTION, LATENCY, OUTCOME, NEW}
    told = {
        name: bins
        for name, bins in binning.columns.items()
        if name not in unread and len(bins.ranks) > _CONSTANT and bins.ranks.any()
    }
    return {name: _spread(bins, bins.ranks) for name, bins in list(told.items())[:MOST]}


def profile_comoments(batch: pa.Table, schema: ModelSchema, binning: Binning, placed: Placed | None = None) -> pa.Table:
    """Return the co-moments of a batch by version and hour, over all traffic.

    Args:
        batch: a canonical batch; a column it lacks counts as null.
        schema: the model's schema.
        binning: the model's bins.
        placed: the same batch, where something else counts it too.

    Returns:
        Pieces of the one column ``_joint``: of each matrix the upper triangle, row by row.
    """
    columns = joined(schema, binning)
    if len(columns) < 2 or not batch.num_rows:
        return PIECES.empty_table()
    placed = placed if placed is not None and len(columns) <= WHOLE else _taken(batch, binning, len(columns))
    if not placed.batch.num_rows:
        return PIECES.empty_table()
    groups = group(placed.batch, schema, binning, ())
    coded = coded_rows(placed, columns)[groups.rows]
    ends = np.append(groups.starts, len(groups.rows))
    upper = np.triu_indices(len(columns) + 1)
    counts = [products(coded[start:end])[upper] for start, end in pairwise(ends)]
    number = len(counts)
    return pa.table(
        {
            "version": groups.version,
            "segment": [ALL] * number,
            "hour": pa.array(groups.hour).view(pa.timestamp("us", tz="UTC")),
            "column": [JOINT] * number,
            "binning": [binning.id] * number,
            "counts": pa.array(counts, pa.list_(pa.int64())),
            "minimum": np.full(number, np.inf),
            "maximum": np.full(number, -np.inf),
        },
        schema=PIECES,
    )


def read_comoments(counts: Ints, schema: ModelSchema, binning: Binning) -> Comoments:
    """Return the co-moments that counters stand for.

    Raises:
        ValueError: they are of another number of columns than the bins'.
    """
    columns = tuple(joined(schema, binning))
    size = len(columns) + 1
    if len(counts) != size * (size + 1) // 2:
        raise ValueError(f"{len(counts)} counters of co-moments; {len(columns)} columns need {size * (size + 1) // 2}")
    matrix = np.zeros((size, size), dtype=np.int64)
    matrix[np.triu_indices(size)] = counts
    return Comoments(columns, matrix + np.triu(matrix, 1).T)


def comoments(batch: pa.Table, binning: Binning, codes_by_column: Mapping[str, Ints]) -> Comoments:
    """Return the co-moments of a batch's rows.

    Args:
        batch: a canonical batch; ``_id`` is needed with more than `WHOLE` columns. A column it lacks counts as null.
        binning: the model's bins.
        codes_by_column: what `rank_codes` gave for each column that is to be taken, in order.
    """
    names = tuple(codes_by_column)
    return Comoments(names, products(coded_rows(_taken(batch, binning, len(names)), codes_by_column)))


def _taken(batch: pa.Table, binning: Binning, columns: int) -> Placed:
    """Return the rows of a batch that are taken with so many columns."""
    return Placed(batch if columns <= WHOLE else batch.take(pa.array(sampled(batch, columns))), binning)


def coded_rows(placed: Placed, codes_by_column: Mapping[str, Ints]) -> Ints:
    """Return the codes of a batch's rows, int16 [n, J]; 0 where a value is not there.

    Args:
        placed: the rows in the model's bins.
        codes_by_column: what `joined` gives.
    """
    coded = np.empty((len(codes_by_column), placed.batch.num_rows), dtype=np.int16)
    for at, (name, known) in enumerate(codes_by_column.items()):
        known.astype(np.int16).take(placed.slots(name), out=coded[at], mode="clip")  # which buffers nothing
    return coded.T


def products(coded: Ints) -> Ints:
    """Return the matrix of sums over rows of codes [n, J]: int64 [J + 1, J + 1].

    >>> products(np.array([[1, 2], [3, -1]])).tolist()
    [[10, -1, 4], [-1, 5, 1], [4, 1, 2]]
    """
    count, size = len(coded), coded.shape[1] + 1
    rows = max(_WORK // size**2, 1)
    total = np.zeros((size, size), dtype=np.int64)
    for start in range(0, count, _BATCH):
        taken = min(_BATCH, count - start)
        part = np.zeros((-(-taken // rows) * rows, size))
        part[:taken, :-1], part[:taken, -1] = coded[start : start + taken], 1
        blocks = part.reshape(-1, rows, size)
        total += np.rint(np.matmul(blocks.transpose(0, 2, 1), blocks).sum(axis=0)).astype(np.int64)
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
