"""Read tables that come as bytes: Parquet, or Arrow in either of its framings."""

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from monitor.api.arrow_size import claimed
from monitor.api.dictionaries import expanded, plain
from monitor.api.operation import ARROW_FILE, ARROW_STREAM
from monitor.api.problem import Problem

MAX_INFLATED = 2 << 30
"""The most bytes that a table may become in memory."""

MAX_ROWS = 20_000_000
"""The most rows of a table: columns of nulls take no bytes, however many rows they claim."""


def read_table(body: bytes, media: str, *, most_bytes: int = MAX_INFLATED, most_rows: int = MAX_ROWS) -> pa.Table:
    """Return the table that ``body`` holds.

    Args:
        body: the bytes.
        media: their media type; one that is not Arrow's is read as Parquet.
        most_bytes: how many bytes it may become in memory.
        most_rows: how many rows it may have.

    Raises:
        Problem: 400 the bytes are not a table of that type; 413 the table would not fit in memory.
    """
    try:
        if media in {ARROW_STREAM, ARROW_FILE}:
            size = claimed(body)
            _check(size.rows, size.bytes, most_rows, most_bytes)
            opened = pa.ipc.open_stream if media == ARROW_STREAM else pa.ipc.open_file
            with opened(pa.py_buffer(body)) as reader:
                table = reader.read_all()
        else:
            file = _parquet(body)
            inflated = sum(
                file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups)
            )
            _check(file.metadata.num_rows, inflated, most_rows, most_bytes)
            table = file.read()
        table.validate(full=True)  # offsets that point outside and text that is not UTF-8 would stop the process later
        _check(table.num_rows, sum(map(expanded, table.columns)), most_rows, most_bytes)
        table = plain(table)
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise Problem(400, f"The body is not a table of type {media}: {str(error)[:300]}") from None
    if len(set(table.column_names)) < len(table.column_names):
        raise Problem(400, "The table has two columns of one name; names must be unique.")
    return table


def _parquet(body: bytes) -> pyarrow.parquet.ParquetFile:
    """Open a file; its texts come as dictionaries, as they are in it: only then can be told what they become."""
    file = pyarrow.parquet.ParquetFile(pa.BufferReader(body))
    texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    return pyarrow.parquet.ParquetFile(pa.BufferReader(body), read_dictionary=texts)


def _check(rows: int, size: int, most_rows: int, most_bytes: int) -> None:
    if rows > most_rows:
        raise Problem(413, f"The table has {rows:,} rows; at most {most_rows:,} are read. Send smaller batches.")
    if size > most_bytes:
        raise Problem(413, f"The table holds {size:,} bytes; at most {most_bytes:,} are read. Send smaller batches.")
