"""How large a stream or file of Arrow becomes in memory, told before anything of it is made.

Buffers may be compressed, each with its own length before it (8 bytes, little-endian; -1: not compressed), and columns
of nulls have no buffers at all: a few bytes can claim any number of rows. Both are said in the messages' metadata,
flatbuffers whose few fields are read here by hand.
(https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message, format/Message.fbs.)
"""

import struct
from dataclasses import dataclass

import pyarrow as pa

_HEADER, _BATCH, _DICTIONARY = 2, 3, 2  # the place of the header in a message; its kinds
_LENGTH, _BUFFERS, _COMPRESSION, _DATA = 0, 2, 3, 1  # places in a record batch; the batch in a dictionary


@dataclass(frozen=True, slots=True)
class Size:
    """Rows, and bytes of all buffers once they are inflated."""

    rows: int
    bytes: int


def claimed(body: bytes) -> Size:
    """Return what the messages of a stream claim; a file's begin after eight bytes.

    Raises:
        ValueError: a message's metadata is broken.

    >>> table = pa.table({"x": [1.5, 2.5]})
    >>> sink = pa.BufferOutputStream()
    >>> with pa.ipc.new_stream(sink, table.schema) as writer:
    ...     writer.write_table(table)
    >>> claimed(sink.getvalue().to_pybytes()).rows
    2
    """
    rows = size = 0
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(body[8:] if body.startswith(b"ARROW1") else body))
    while True:
        try:
            message = reader.read_next_message()
        except (StopIteration, EOFError):
            return Size(rows, size)
        if message.type in ("record batch", "dictionary"):
            try:
                more = _batch(message.metadata.to_pybytes(), message.body)
            except struct.error as error:
                raise ValueError(f"a message of the Arrow stream is broken: {error}") from None
            rows += more.rows if message.type == "record batch" else 0
            size += more.bytes


def _batch(metadata: bytes, body: pa.Buffer | None) -> Size:
    root = _int("<I", metadata, 0)
    kind = _field(metadata, root, _HEADER - 1)
    batch = _table(metadata, root, _HEADER)
    if kind and metadata[kind] == _DICTIONARY:
        batch = _table(metadata, batch, _DATA)
    length = _field(metadata, batch, _LENGTH)
    rows = _int("<q", metadata, length) if length else 0
    place = _field(metadata, batch, _BUFFERS)
    if not place:
        return Size(rows, 0)
    vector = place + _int("<I", metadata, place)
    packed = bool(_field(metadata, batch, _COMPRESSION))
    content = memoryview(body) if body is not None else memoryview(b"")
    total = 0
    for number in range(_int("<I", metadata, vector)):
        at, held = struct.unpack_from("<qq", metadata, vector + 4 + 16 * number)
        said = struct.unpack_from("<q", content, at)[0] if packed and held >= 8 else -1
        total += said if said >= 0 else held
    return Size(rows, total)


def _table(data: bytes, table: int, field: int) -> int:
    place = _field(data, table, field)
    if not place:
        raise ValueError("a message of the Arrow stream lacks its header")
    return place + _int("<I", data, place)


def _field(data: bytes, table: int, field: int) -> int:
    """Return where a field of a table is, 0 where it is not there."""
    index = table - _int("<i", data, table)
    slot = 4 + 2 * field
    if slot + 2 > _int("<H", data, index):
        return 0
    offset = _int("<H", data, index + slot)
    return table + offset if offset else 0


def _int(form: str, data: bytes, place: int) -> int:
    if place < 0:
        raise ValueError("a message of the Arrow stream points before its begin")
    value: int = struct.unpack_from(form, data, place)[0]
    return value
