"""The rows that were committed last, as they were given: profiling them need not read them back from the file."""

from collections import deque
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa

MOST_BYTES = 64 * 2**20
"""How much is remembered of all models together; what was given first is forgotten first."""

_OVERHEAD = 10_000  # bytes of a table of no rows


@dataclass(frozen=True, slots=True)
class _Part:
    """What one commit gave the seqs in (after, last]: rows, then labels; None without rows."""

    model: str
    after: int
    last: int
    rows: pa.Table | None
    bytes: int


class Recent:
    """Remembers rows for a while, by their seqs; what is not remembered is read from the store.

    >>> recent = Recent()
    >>> recent.add("m", 5, 8, pa.table({"_seq": [6, 7]}))
    >>> recent.rows("m", 6, 8)["_seq"].to_pylist(), recent.rows("m", 4, 8)
    ([7], None)
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._parts: deque[_Part] = deque()
        self._bytes = 0
        self._lock = Lock()

    def add(self, model: str, after: int, last: int, rows: pa.Table | None) -> None:
        """Remember the rows, with ``_seq``, of a commit that gave rows, then labels, the seqs in (after, last]."""
        part = _Part(model, after, last, rows, _OVERHEAD + (0 if rows is None else rows.nbytes))
        with self._lock:
            self._parts.append(part)
            self._bytes += part.bytes
            while self._bytes > self._most:
                self._bytes -= self._parts.popleft().bytes

    def rows(self, model: str, after: int, up_to: int) -> pa.Table | None:
        """Return the rows of the seqs in (after, up_to], in order; None where not all of them are remembered."""
        with self._lock:
            parts = [part for part in self._parts if part.model == model and part.last > after and part.after < up_to]
        found, reached = [], after
        for part in parts:
            if part.after > reached:
                return None
            if part.rows is not None:
                first = min(reached - part.after, len(part.rows))
                found.append(part.rows.slice(first, min(up_to - part.after, len(part.rows)) - first))
            reached = part.last
        if reached < up_to or any(each.schema != found[0].schema for each in found):
            return None  # the schema gained a column in between
        return pa.concat_tables(found) if found else None

    def forget(self, model: str, up_to: int) -> None:
        """Let go of a model's rows up to a seq."""
        with self._lock:
            kept = [part for part in self._parts if part.model != model or part.last > up_to]
            self._parts = deque(kept)
            self._bytes = sum(part.bytes for part in kept)

    def clear(self) -> None:
        """Let go of all rows."""
        with self._lock:
            self._parts.clear()
            self._bytes = 0
