"""From rows to pieces, and from pieces to profiles: the kernel everything else stands on.

It is one pure function of an Arrow batch and uses numpy and pyarrow only, so that it runs in the server, in a serving
process or in a cluster's workers. Only integers are added: the same rows, in any split and order, merge to the same
bytes.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile import fixed
from monitor.profile.binning import OUTCOME, RUNTIME, Binning, NumericBins
from monitor.profile.column import NAN, NEGATIVE, NULL, RETYPED, ColumnProfile
from monitor.profile.groups import Groups, group
from monitor.profile.kernel import bin_counts, suited
from monitor.profile.moments import moments
from monitor.profile.outcome import Outcome, outcome_length
from monitor.profile.outcome_rows import outcome_entries
from monitor.profile.pieces import PIECES, merge
from monitor.profile.placed import Placed
from monitor.profile.values import Bools, Floats, Ints, numbers
from monitor.types import ModelSchema

FEW = 1_000
"""With fewer rows a group than this, on average, the kernel's fixed cost would outweigh its speed."""


def profile(
    batch: pa.Table,
    schema: ModelSchema,
    binning: Binning,
    segments: Sequence[str] = (),
    placed: Placed | None = None,
) -> pa.Table:
    """Profile every column of a batch by version, segment and hour.

    Args:
        batch: a canonical batch (see `monitor.schema`); a column it lacks counts as null.
        schema: the model's schema.
        binning: the model's bins; a feature it lacks is not profiled.
        segments: names of features whose values are profiled apart, beside all traffic.
        placed: the same batch, where something else counts it too.

    Returns:
        Pieces (see `monitor.profile.pieces`), one a group and column, the columns of `RUNTIME` only where a row has
        them. Adding pieces of several batches is `merge`.
    """
    names = [name for name in binning.columns if name != OUTCOME]
    if not batch.num_rows:
        return PIECES.empty_table()
    groups = group(batch, schema, binning, segments)
    placed = placed or Placed(batch, binning)
    blocks = []
    for name in names:
        bins = binning.bins(name)
        if isinstance(bins, NumericBins):
            blocks.append(_numeric_block(placed, name, bins, groups))
        else:
            none = np.full(len(groups.starts), np.inf)
            blocks.append((_counts(placed.slots(name), bins.length, groups), none, -none))
    pieces = [_pieces(groups, names, binning.id, blocks)]
    pieces += [
        _runtime(batch, name, bins, schema, binning, segments)
        for name, bins in RUNTIME.items()
        if name in batch.column_names and batch[name].null_count < batch.num_rows
    ]
    return pa.concat_tables(pieces)


def _runtime(
    batch: pa.Table, name: str, bins: NumericBins, schema: ModelSchema, binning: Binning, segments: Sequence[str]
) -> pa.Table:
    """Profile the rows that have the column, and only these: then it does not matter which came in which batch."""
    having = batch.filter(pc.is_valid(batch[name]))
    groups = group(having, schema, binning, segments)
    return _pieces(groups, [name], binning.id, [_numeric_block(Placed(having, binning), name, bins, groups)])


def profile_outcomes(deltas: pa.Table, schema: ModelSchema, binning: Binning, segments: Sequence[str] = ()) -> pa.Table:
    """Profile predictions against their labels by version, segment and hour of the prediction.

    Args:
        deltas: a canonical batch with ``_label`` and ``_sign`` (+1: a label came; −1: it is taken back, as before a
            correction).
        schema: the model's schema.
        binning: the model's bins.
        segments: names of features whose values are profiled apart, beside all traffic.

    Returns:
        Pieces of the one column ``_outcome``.
    """
    if not deltas.num_rows:
        return PIECES.empty_table()
    groups = group(deltas, schema, binning, segments)
    slots, weights = outcome_entries(deltas, schema, binning)
    weights = weights * deltas["_sign"].to_numpy().astype(np.int64)
    block = np.zeros((len(groups.starts), outcome_length(schema, binning)), dtype=np.int64)
    np.add.at(block, (groups.group, slots[:, groups.rows]), weights[:, groups.rows])
    none = np.full(len(groups.starts), np.inf)
    return _pieces(groups, [OUTCOME], binning.id, [(block, none, -none)])


Block = tuple[Ints, Floats, Floats]


def _numeric_block(placed: Placed, name: str, bins: NumericBins, groups: Groups) -> Block:
    """Return counts [G, length], minima [G] and maxima [G] of one column in each group.

    Few rows a group are placed one by one; many are handed to the kernels group by group, which is much faster.
    """
    values, nulls = numbers(placed.column(name))
    retyped = placed.retyped.get(name)
    if retyped is not None:
        nulls = nulls.copy()
        nulls[retyped] = False
    if len(groups.rows) < FEW * len(groups.starts):
        return _few(placed.slots(name, (values, nulls)), values, bins, groups)
    return _many(values, nulls, retyped, bins, groups)


def _few(slots: Ints, values: Floats, bins: NumericBins, groups: Groups) -> Block:
    absent = slots < bins.HEAD
    counts = _counts(slots, bins.length, groups)
    q = fixed.fixed(np.where(absent, bins.center, values), bins.center, bins.scale)
    limbs = np.stack([*fixed.first(q), *fixed.second(q)])
    counts[:, -len(limbs) :] = np.add.reduceat(limbs[:, groups.rows], groups.starts, axis=1).T
    return (
        counts,
        np.minimum.reduceat(np.where(absent, np.inf, values)[groups.rows], groups.starts),
        np.maximum.reduceat(np.where(absent, -np.inf, values)[groups.rows], groups.starts),
    )


def _many(values: Floats, nulls: Bools, retyped: Ints | None, bins: NumericBins, groups: Groups) -> Block:
    odd = nulls.astype(np.int8)
    if retyped is not None:
        odd[retyped] = 2
    some = bool(odd.any())
    counts = np.zeros((len(groups.starts), bins.length), dtype=np.int64)
    ends = np.full((2, len(groups.starts)), np.inf)
    kernel = suited(len(groups.rows), len(groups.starts))
    every = np.append(groups.starts, len(groups.rows))
    for at, (start, end) in enumerate(pairwise(every)):
        rows = _run(groups.rows, start, end)
        held = values[rows]
        if some:
            which = odd[rows]
            counts[at, NULL], counts[at, RETYPED] = np.count_nonzero(which == 1), np.count_nonzero(which == 2)
            held = held[which == 0]
        counts[at, NAN : NAN + 4 + len(bins.edges)] = bin_counts(held, bins.edges, kernel)
        if counts[at, NAN : NEGATIVE + 1].any():
            held = held[np.isfinite(held)]
        limbs, low, high = moments(held, bins.center, bins.scale, kernel)
        counts[at, -len(limbs) :], ends[0, at], ends[1, at] = limbs, low, high
    return counts, ends[0], ends[1]


def _run(rows: Ints, start: int, end: int) -> Ints | slice:
    """Return the rows of a group, ascending, as a slice where they follow one another: that copies nothing."""
    if rows[end - 1] - rows[start] == end - 1 - start:
        return slice(int(rows[start]), int(rows[end - 1]) + 1)
    return rows[start:end]


def _counts(slots: Ints, length: int, groups: Groups) -> Ints:
    count = len(groups.starts)
    flat = np.bincount(groups.group * length + slots[groups.rows], minlength=count * length)
    return flat.astype(np.int64, copy=False).reshape(count, length)


def _pieces(groups: Groups, names: Sequence[str], binning: str, blocks: Sequence[Block]) -> pa.Table:
    """Lay out one block a column, each of G groups, as pieces."""
    count = len(groups.starts)
    lengths = np.repeat([block.shape[1] for block, _, _ in blocks], count)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = pa.array(np.concatenate([block.ravel() for block, _, _ in blocks]))
    again = pa.array(np.tile(np.arange(count), len(names)))
    return pa.Table.from_arrays(
        [
            pa.array(groups.version, pa.string()).take(again),
            pa.array(groups.segment, pa.string()).take(again),
            pa.array(groups.hour).view(pa.timestamp("us", tz="UTC")).take(again),
            pa.array(list(names), pa.string()).take(pa.array(np.repeat(np.arange(len(names)), count))),
            pa.array([binning] * len(lengths), pa.string()),
            pa.ListArray.from_arrays(pa.array(ends), values),
            pa.array(np.concatenate([low for _, low, _ in blocks])),
            pa.array(np.concatenate([high for _, _, high in blocks])),
        ],
        schema=PIECES,
    )


def read(pieces: pa.Table, binning: Binning, schema: ModelSchema) -> dict[str, ColumnProfile | Outcome]:
    """Add up all the given pieces and return one profile a column; the outcome is under ``_outcome``.

    Args:
        pieces: pieces of one binning, of any versions, segments and hours that are to be taken together.
        binning: the binning they were made with.
        schema: the model's schema.

    Raises:
        ValueError: the pieces were made with another binning.
    """
    merged = merge(pieces, ["column", "binning"])
    for made_with in merged["binning"].to_pylist():
        if made_with != binning.id:
            raise ValueError(f"pieces made with binning {made_with} cannot be read with {binning.id}")
    names = merged["column"].to_pylist()
    return {name: profile_at(merged, row, binning, schema) for row, name in enumerate(names)}


def profile_at(
    merged: pa.Table, row: int, binning: Binning, schema: ModelSchema, column: str | None = None
) -> ColumnProfile | Outcome:
    """Return the profile that one row of merged pieces holds.

    Args:
        merged: one chunk with column (not needed if it is given), counts, minimum and maximum.
        row: which row.
        binning: the binning they were made with.
        schema: the model's schema.
        column: of which column it is.

    Raises:
        ValueError: the counts are not as long as the bins ask for.
        KeyError: the binning has no such column.
    """
    name = merged["column"][row].as_py() if column is None else column
    vector = merged["counts"][row].values.to_numpy()
    if name == OUTCOME:
        return Outcome.of(schema, binning, vector)
    low, high = merged["minimum"][row].as_py(), merged["maximum"][row].as_py()
    return ColumnProfile(name, binning.bins(name), vector, low, high)
