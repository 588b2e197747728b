"""What was odd about each row of a batch: its flags, and the values that no column could hold."""

import math
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
import numpy as np
import pyarrow as pa

from monitor.schema.held import Summary, array_of, summarise
from monitor.types import OUTPUT

MAX_EXTRA = 100
"""How many unknown columns of one row are kept; more are counted in a flag."""


LONGEST = 65_536
"""The most characters of one text that are kept where it is a category, an id or a value no column could hold."""


MANY_NUMBERS, LONG_TEXT = 1_024, 64 * 2**10
"""Of unknown columns, more numbers or characters than these are kept as their summary."""


class Notes:
    """Flags and kept values of one batch, by row."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._flags: dict[int, list[str]] = {}
        self._extra: dict[int, dict[str, object]] = {}
        self.summaries: dict[str, Sequence[Summary | None]] = {}

    def flag(self, row: int, flag: str) -> None:
        """Note one oddity of one row."""
        self._flags.setdefault(row, []).append(flag)

    def flag_all(self, flag: str) -> None:
        """Note one oddity of every row."""
        for row in range(self.rows):
            self.flag(row, flag)

    def retyped(self, row: int, column: str, value: object) -> None:
        """Note a value of another type than its column's; the value is kept."""
        self.flag(row, f"retyped:{column}")
        self._extra.setdefault(row, {})[column] = compact(value)

    def unknown(self, row: int, values: Mapping[str, object]) -> None:
        """Keep the values of columns the schema does not have, at most `MAX_EXTRA` of them."""
        kept = self._extra.setdefault(row, {})
        for column in sorted(values)[:MAX_EXTRA]:
            name = text(column)[:200]
            if not name.startswith(OUTPUT):  # what a model answered beside its prediction was not asked of it
                self.flag(row, f"new:{name}")
            kept[name] = compact(values[column])
        if len(values) > MAX_EXTRA:
            self.flag(row, f"new_dropped:{len(values) - MAX_EXTRA}")

    def summarise(self, column: str, found: Sequence[Summary | None]) -> None:
        """Note what each value of a column is; see `monitor.schema.held`."""
        self.summaries[column] = found

    def flags(self) -> pa.Array:
        """Return the flags as list<string>, empty where there is nothing to say."""
        if not self._flags:
            return pa.ListArray.from_arrays(np.zeros(self.rows + 1, np.int32), pa.array([], pa.string()))
        return pa.array([self._flags.get(row, ()) for row in range(self.rows)], pa.list_(pa.string()))

    def extra(self) -> pa.Array:
        """Return the kept values as JSON objects, null where there are none."""
        if not self._extra:
            return pa.nulls(self.rows, pa.string())
        encode = msgspec.json.Encoder(order="sorted").encode
        texts = [encode(kept).decode() if (kept := self._extra.get(row)) else None for row in range(self.rows)]
        return pa.array(texts, pa.string())


def text(value: str) -> str:
    """Return ``value`` with what is not Unicode text (lone surrogates) replaced by U+FFFD.

    >>> text(chr(0xD800) + "a") == chr(0xFFFD) + "a"
    True
    """
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(value: str) -> str:
    """Return a text of at most `LONGEST` characters: the value, or its beginning with the length and hash of all of it.

    >>> cut("short"), len(cut("x" * 1_000_000)), cut("x" * 1_000_000)[-23:-20]
    ('short', 65536, 'bd2')
    """
    if len(value) <= LONGEST:
        return value
    digest = sha256(value.encode(errors="surrogatepass")).hexdigest()
    told = f"… [{len(value):,} characters, SHA-256 {digest}]"
    return value[: LONGEST - len(told)] + told


def compact(value: object) -> object:
    """Return ``value`` as `presentable` does, but the summary of a long text, of bytes or of many numbers.

    >>> compact([[0.5] * 64] * 64)["summary"]["shape"]
    [64, 64]
    """
    if isinstance(value, bytes):
        return {"summary": summarise(value, "bytes", [len(value)])}
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return {"summary": summarise(text(value).encode(), "text", [len(value)])}
    if isinstance(value, list | tuple | np.ndarray):
        found = array_of(value)
        if found is not None and found.size > MANY_NUMBERS:
            return {"summary": summarise(found.tobytes(), found.dtype.name, found.shape, found)}
    return presentable(value)


def presentable(value: object) -> object:
    """Return ``value`` in a form JSON can hold without loss: NaN, infinities and huge integers as text.

    >>> presentable([10**30, float("inf"), 1])
    ['1000000000000000000000000000000', 'inf', 1]
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return cut(text(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else f"{value:d}" if value.bit_length() < 10_000 else hex(value)
    if isinstance(value, Mapping):
        return {text(str(key)): presentable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [presentable(item) for item in value]
    return text(str(value))
