"""Pieces: profiles as a table, one row a (version, segment, hour, column), that add exactly."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.lib.stride_tricks import sliding_window_view

from monitor.profile.values import Ints, one_array
from monitor.types import Window

PIECES = pa.schema(
    [
        ("version", pa.string()),
        ("segment", pa.string()),
        ("hour", pa.timestamp("us", tz="UTC")),
        ("column", pa.string()),
        ("binning", pa.string()),
        ("counts", pa.list_(pa.int64())),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
    ]
)
"""The Arrow schema of pieces. ``minimum`` is +inf and ``maximum`` −inf where there is no finite value."""

KEYS = ("version", "segment", "hour", "column", "binning")


def merge(pieces: pa.Table, by: Sequence[str] = KEYS) -> pa.Table:
    """Add up the pieces that agree in the columns ``by``.

    The result is the same bytes for the same rows however they were split, ordered or merged before.

    Args:
        pieces: a table with the columns of `PIECES` (only those in ``by`` are needed among the keys).
        by: the key columns to keep.

    Returns:
        One row a distinct key, sorted by the keys: the columns ``by``, then counts, minimum and maximum.

    Raises:
        ValueError: pieces of different columns or binnings would be added.
    """
    for name in ("column", "binning"):
        if name not in by and name in pieces.column_names and len(pc.unique(pieces[name])) > 1:
            raise ValueError(f"pieces of several {name}s do not add up; keep {name!r} in by, got {list(by)}")
    kept = pieces.select([*by, "counts", "minimum", "maximum"]).combine_chunks()
    if not kept.num_rows:
        return kept
    key = _key(kept, by)
    if np.any(np.diff(key) < 0):
        order = np.argsort(key, kind="stable")
        kept, key = kept.take(pa.array(order)).combine_chunks(), key[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    minimum = np.minimum.reduceat(kept["minimum"].to_numpy(), starts)
    maximum = np.maximum.reduceat(kept["maximum"].to_numpy(), starts)
    columns = [one_array(kept[name].take(pa.array(starts))) for name in by]
    columns += [_sums(one_array(kept["counts"]), starts), pa.array(minimum), pa.array(maximum)]
    return pa.Table.from_arrays(columns, names=kept.column_names)


def _key(pieces: pa.Table, by: Sequence[str]) -> Ints:
    """Return one integer a row that sorts as the columns ``by`` do."""
    key = np.zeros(pieces.num_rows, dtype=np.int64)
    for name in by:
        encoded = one_array(pieces[name]).dictionary_encode()
        values = encoded.dictionary
        rank = np.empty(len(values), dtype=np.int64)
        rank[pc.array_sort_indices(values).to_numpy()] = np.arange(len(values))
        key = key * len(values) + rank[encoded.indices.to_numpy()]
        _, key = np.unique(key, return_inverse=True)  # dense again, so that the product never overflows
    return key


def _sums(counts: pa.ListArray, starts: Ints) -> pa.ListArray:
    """Add lists of equal length, elementwise, over runs of rows that begin at ``starts``."""
    offsets, flat = counts.offsets.to_numpy().astype(np.int64), counts.values.to_numpy()
    lengths = np.diff(offsets)
    widths = lengths[starts]
    if np.any(np.repeat(widths, np.diff(np.append(starts, len(counts)))) != lengths):
        raise ValueError("pieces of one column and binning have different lengths; the store holds damaged pieces")
    ends = np.concatenate([[0], np.cumsum(widths)])
    if len(starts) == len(counts):  # nothing to add
        return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(flat[offsets[0] : offsets[-1]]))
    sums = np.empty(ends[-1], dtype=np.int64)
    for width in np.unique(widths[widths > 0]):
        rows, runs = np.flatnonzero(lengths == width), np.flatnonzero(widths == width)
        block = sliding_window_view(flat, width)[offsets[rows]]
        added = np.add.reduceat(block, np.searchsorted(rows, starts[runs]), axis=0)
        sliding_window_view(sums, width, writeable=True)[ends[runs]] = added
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(sums))


def choose(
    pieces: pa.Table, window: Window, columns: Sequence[str] | None, version: str | None, segment: str | None
) -> pa.Table:
    """Return the pieces of the hours that begin in a window, of some columns, a version and a segment; None is all."""
    hour = pc.field("hour")
    wanted = (hour >= pa.scalar(window.start, PIECES.field("hour").type)) & (
        hour < pa.scalar(window.end, PIECES.field("hour").type)
    )
    if columns is not None:
        wanted &= pc.field("column").isin(list(columns))
    if version is not None:
        wanted &= pc.field("version") == version
    if segment is not None:
        wanted &= pc.field("segment") == segment
    return pieces.filter(wanted)
