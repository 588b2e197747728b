"""A 64-bit hash of what each row says, to tell a repeated row from another row under the same id.

It covers features, kept values, prediction and scores; not the id, and not time, latency or status, which a retry may
carry anew. Every cell gives a 64-bit code (a number's bits, a text's BLAKE2b); codes are mixed with a salt per column
(the finaliser of SplitMix64, Steele, Lea and Flood 2014) and added, so all rows are hashed in a few numpy calls and
the hash of a row does not depend on the batch it came in.
"""

from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Codes = npt.NDArray[np.uint64]

_NULL = np.uint64(0x9E3779B97F4A7C15)


def content_hash(table: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return one int64 per row of ``table``; equal rows in equal columns give equal hashes on any machine."""
    codes = np.empty((table.num_columns, table.num_rows), np.uint64)
    for place, array in enumerate(table.columns):
        codes[place] = _codes(array)
    salts = np.array([_salt(name) for name in table.schema.names], np.uint64)
    total: Codes = np.sum(_mix(codes ^ salts[:, None]), axis=0, dtype=np.uint64)
    return total.view(np.int64)


@lru_cache(maxsize=100_000)
def _salt(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def _mix(codes: Codes) -> Codes:
    codes = (codes ^ (codes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    codes = (codes ^ (codes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return codes ^ (codes >> np.uint64(31))


def _codes(array: pa.Array) -> Codes:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        codes = _texts(array)
    elif pa.types.is_list(kind):
        codes = _lists(array)
    else:
        codes = _fixed(array)
    if array.null_count:
        codes = np.where(array.is_null().to_numpy(zero_copy_only=False), _NULL, codes)
    return codes


def _fixed(array: pa.Array) -> Codes:
    if pa.types.is_boolean(array.type):
        return array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint64)  # type: ignore[no-any-return]
    if pa.types.is_timestamp(array.type):
        array = array.view(pa.int64())
    if pa.types.is_floating(array.type):
        # -0.0 and 0.0 are one number; so are all NaN
        values = array.to_numpy(zero_copy_only=False) + 0.0
        return np.where(np.isnan(values), np.nan, values).view(np.uint64)
    return (array.fill_null(0) if array.null_count else array).to_numpy().view(np.uint64)  # type: ignore[no-any-return]


def _texts(array: pa.Array) -> Codes:
    if len(array) < 32:
        return np.array([_text(value) for value in array.to_pylist()], np.uint64)
    coded = array.dictionary_encode()
    table = np.array([_text(value) for value in coded.dictionary.to_pylist()] + [0], np.uint64)
    codes: Codes = table[coded.indices.fill_null(len(table) - 1).to_numpy()]
    return codes


def _text(value: str | bytes | None) -> int:
    content = value if isinstance(value, bytes) else (value or "").encode()
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def _lists(array: pa.Array) -> Codes:
    offsets = array.offsets.to_numpy().astype(np.int64)
    first, last = offsets[0], offsets[-1]
    lengths = np.diff(offsets)
    places = (np.arange(first, last) - np.repeat(offsets[:-1], lengths)).astype(np.uint64)
    mixed = _mix(_codes(array.values.slice(first, last - first)) ^ _mix(places + np.uint64(1)))
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    codes: Codes = running[offsets[1:] - first] - running[offsets[:-1] - first] + lengths.astype(np.uint64)
    return codes
