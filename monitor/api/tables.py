"""Read tables that come as bytes: Parquet, or Arrow in either of its framings."""

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from monitor.api.operation import ARROW_FILE, ARROW_STREAM
from monitor.api.problem import Problem

MAX_INFLATED = 2 << 30
"""The most bytes that a table may become in memory."""


def read_table(body: bytes, media: str) -> pa.Table:
    """Return the table that ``body`` holds.

    Args:
        body: the bytes.
        media: their media type; one that is not Arrow's is read as Parquet.

    Raises:
        Problem: 400 the bytes are not a table of that type; 413 the table would not fit in memory.
    """
    try:
        if media in {ARROW_STREAM, ARROW_FILE}:
            opened = pa.ipc.open_stream if media == ARROW_STREAM else pa.ipc.open_file
            with opened(pa.py_buffer(body)) as reader:
                table = reader.read_all()
        else:
            file = pa.parquet.ParquetFile(pa.BufferReader(body))
            size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
            if size > MAX_INFLATED:
                raise Problem(413, f"The table holds {size:,} bytes; at most {MAX_INFLATED:,} are read.")
            table = file.read()
        table.validate(full=True)  # offsets that point outside and text that is not UTF-8 would stop the process later
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        raise Problem(400, f"The body is not a table of type {media}: {str(error)[:300]}") from None
    return table
