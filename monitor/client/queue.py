"""A queue bounded in bytes, that never makes its caller wait, and counts what it could not take."""

from collections import Counter, deque
from threading import Condition

from monitor.client.items import Item, Kind

OVERHEAD = 500
"""Bytes that any item takes besides its values: itself, its entry, its ids."""


class Queue:
    """Items on their way out. Bytes count from being taken until they are sent or dropped, not only while queued.

    ``waiting`` says how many callers of `wait` there are: they want it emptied without delay.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.rows = 0
        self.waiting = 0
        self.dropped: Counter[tuple[str, Kind, str]] = Counter()
        self.counts: Counter[str] = Counter()
        self._items: deque[Item] = deque()
        self._changed = Condition()
        self._put = 0
        self._done = 0

    def put(self, item: Item) -> bool:
        """Take ``item`` if it fits, else count its rows as dropped; returns whether it was taken."""
        size = item.size + OVERHEAD
        with self._changed:
            self.counts["logged"] += item.rows
            if self.bytes + size <= self.max_bytes:
                self.bytes += size
                self.rows += item.rows
                self._put += 1
                self._items.append(item)
                return True
            self.dropped[item.model, item.kind, "queue_full"] += item.rows
            return False

    def take(self, rows: int, size: int) -> list[Item]:
        """Take the oldest items, up to about ``rows`` rows and ``size`` bytes; call `done` with them afterwards."""
        taken: list[Item] = []
        # Popping is atomic by itself: the lock stays free for callers.
        while self._items and rows > 0 and size > 0:
            item = self._items.popleft()
            rows -= item.rows
            size -= item.size
            taken.append(item)
        return taken

    def done(self, items: list[Item]) -> None:
        """Let go of items that were sent or dropped."""
        with self._changed:
            self.bytes -= sum(item.size + OVERHEAD for item in items)
            self.rows -= sum(item.rows for item in items)
            self._done += len(items)
            self._changed.notify_all()

    def drop(self, model: str, kind: Kind, reason: str, rows: int) -> None:
        """Count rows that will never be sent."""
        with self._changed:
            self.dropped[model, kind, reason] += rows

    def count(self, what: str, rows: int = 1) -> None:
        """Add to one of the counts, from any thread."""
        with self._changed:
            self.counts[what] += rows

    def wait(self, timeout: float) -> bool:
        """Wait until everything put before this call is done; returns whether it is."""
        with self._changed:
            target = self._put
            self.waiting += 1
            try:
                return self._changed.wait_for(lambda: self._done >= target, timeout)
            finally:
                self.waiting -= 1
