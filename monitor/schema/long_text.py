"""A text that is too long to be a category or an id is kept as its beginning and the hash of the whole."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.schema.notes import LONGEST, Notes, cut


def shortened(array: pa.Array, name: str, notes: Notes) -> pa.Array:
    """Return a string array with texts of more than `LONGEST` characters cut; their rows are flagged ``truncated``."""
    if _bytes(array) <= LONGEST:  # no text has more characters than all have bytes: the common case costs nothing
        return array
    long = np.flatnonzero(pc.utf8_length(array).fill_null(0).to_numpy(zero_copy_only=False) > LONGEST)
    if not len(long):
        return array
    values = array.to_pylist()
    for row in long:
        notes.flag(int(row), f"truncated:{name}")
        values[row] = cut(values[row])
    return pa.array(values, pa.string())


def _bytes(array: pa.Array) -> int:
    data = array.buffers()[2]
    return 0 if data is None else data.size
