"""Read one Arrow column as what the profile kernel counts: numbers, or strings by code."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

MICROSECOND = 1e-6


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the column as one Arrow array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def numbers(column: pa.Array | pa.ChunkedArray) -> tuple[Floats, Bools]:
    """Return a column's values as float64 and where it is null.

    Booleans read as 0 and 1, timestamps as epoch seconds, strings and lists as their length (characters, elements).
    Where the column is null the value is 0. Minus zero reads as zero, so that equal numbers have equal bytes.

    Args:
        column: any Arrow column of n rows.

    Returns:
        The values, float64 [n], and the nulls, bool [n].

    >>> numbers(pa.array([True, None, False]))
    (array([1., 0., 0.]), array([False,  True, False]))
    >>> numbers(pa.array(["été", ""]))[0]
    array([3., 0.])
    """
    array = one_array(column)
    kind = array.type
    seconds = pa.types.is_timestamp(kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array = pc.utf8_length(array)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        array = pc.list_value_length(array)
    elif seconds:
        array = array.cast(pa.timestamp("us", tz=kind.tz)).view(pa.int64())
    elif pa.types.is_null(kind):
        array = pa.nulls(len(array), pa.float64())
    if array.null_count:
        nulls: Bools = array.is_null().to_numpy(zero_copy_only=False)
        array = array.fill_null(False if pa.types.is_boolean(kind) else 0)
    else:
        nulls = np.zeros(len(array), dtype=np.bool_)
    values: Floats = array.to_numpy(zero_copy_only=False).astype(np.float64)
    if seconds:
        values *= MICROSECOND
    values += 0.0  # -0.0 + 0.0 is 0.0
    return values, nulls


def sizes(batch: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    """Return a feature's column for profiling, where a value that is not kept itself is there by its size.

    An image is there or not: nothing of its bytes is profiled.
    """
    column = batch[name] if name in batch.column_names else pa.nulls(batch.num_rows, pa.string())
    image = pa.types.is_binary(column.type)
    if not image and (not column.null_count or "_summary" not in batch.column_names):
        return column
    size = summary(batch, name, "size")
    if image:
        there = pc.or_(column.is_valid(), size.is_valid())
        return pc.if_else(there, pa.scalar("image"), pa.scalar(None, pa.string()))
    if size.null_count == len(size):
        return column
    length = pc.utf8_length(column) if pa.types.is_string(column.type) else pc.list_value_length(column)
    return pc.coalesce(length.cast(pa.int64()), size)


def summary(batch: pa.Table, name: str, figure: str) -> pa.Array:
    """Return one figure of a feature's summaries, null where there is none (see `monitor.schema.held`)."""
    if "_summary" not in batch.column_names:
        return pa.nulls(batch.num_rows, pa.float64())
    held = one_array(batch["_summary"])
    return pc.struct_field(pc.map_lookup(held, pa.scalar(name), "first"), figure)


def codes(column: pa.Array | pa.ChunkedArray) -> tuple[list[str | None], Ints]:
    """Return a column's distinct values as strings and, for each row, which one it holds.

    A null is the value None.

    >>> codes(pa.array(["b", None, "b"]))
    (['b', None], array([0, 1, 0]))
    """
    array = one_array(column)
    if not pa.types.is_string(array.type):
        array = array.cast(pa.string())
    encoded = array.dictionary_encode(null_encoding="encode")
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def flagged(batch: pa.Table, prefix: str) -> dict[str, Ints]:
    """Return, for each column named in ``_flags`` as ``prefix:column``, the rows that carry the flag.

    >>> flagged(pa.table({"_flags": [["retyped:temp"], [], ["no_id", "retyped:temp"]]}), "retyped")
    {'temp': array([0, 2])}
    """
    if "_flags" not in batch.column_names:
        return {}
    flags = one_array(batch["_flags"])
    flat = flags.flatten()
    if not len(flat):
        return {}
    names, which = codes(flat)
    rows = pc.list_parent_indices(flags).to_numpy(zero_copy_only=False)
    return {
        name.partition(":")[2]: rows[which == code]
        for code, name in enumerate(names)
        if name is not None and name.startswith(prefix + ":")
    }
