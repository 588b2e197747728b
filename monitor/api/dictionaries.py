"""Columns of Arrow that are dictionaries, as plain values: measured before they are, for few bytes can say much.

A text of a megabyte and a thousand places that point at it are a gigabyte once each row has its own.
"""

import pyarrow as pa
import pyarrow.compute as pc


def expanded(column: pa.ChunkedArray) -> int:
    """Return how many bytes of values a column has once each row has its own; 0 where it has no dictionary.

    >>> expanded(pa.chunked_array([pa.array(["abc", "abc", None, "d"]).dictionary_encode()]))
    7
    """
    return sum(_expanded(chunk) for chunk in column.chunks)


def _expanded(array: pa.Array) -> int:
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type):
        return _expanded(array.flatten())
    if not pa.types.is_dictionary(array.type):
        return 0
    values = array.dictionary
    if pa.types.is_primitive(values.type):
        return len(array) * max(int(values.type.bit_width) // 8, 1)
    if _is_text(values.type):
        return int(pc.sum(pc.binary_length(values).cast(pa.int64()).take(array.indices)).as_py() or 0)
    return len(array) * int(values.nbytes)


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries.

    Raises:
        pyarrow.ArrowException: they hold what has no plain form.

    >>> table = pa.table({"c": pa.array(["a", "b", "a"]).dictionary_encode()})
    >>> plain(table).schema.field("c").type, plain(table)["c"].to_pylist()
    (DataType(string), ['a', 'b', 'a'])
    """
    for place, field in enumerate(table.schema):
        kind = _plain(field.type)
        if kind != field.type:
            table = table.set_column(place, field.with_type(kind), table.column(place).cast(kind))
    return table


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind
