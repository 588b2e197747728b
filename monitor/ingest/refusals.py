"""Requests that were told to come again: counted by model and reason, in the ledger beside the rows."""

from collections import Counter
from threading import Lock

from monitor.errors import NotFound, Unavailable
from monitor.store import CommitUnknown, Store

QUEUE_FULL, BODIES_FULL, DISK_FULL = "queue_full", "too_many_bodies", "disk_full"
STOPPED, FAILED = "not_running", "store_failed"
"""Reasons: too much waits to be stored; too many bodies at once; no room on the disk; starting or stopping; the store
refused the commit, for a reason of its own."""


class Refusals:
    """How many requests were refused, ever.

    Their rows are not rows received: mostly they were not even read, and the same rows come again. They are counted
    in memory and written from time to time; a crash forgets the last few seconds of them.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._keeping = Lock()  # taken before the other; never held where requests are answered
        self._fresh: Counter[tuple[str, str]] = Counter()

    def count(self, model: str, reason: str, requests: int = 1) -> None:
        """Count requests; those for a model that is not registered count for none (an empty name).

        So do those while the store cannot be read, which is when much is refused: counting must not fail then, for the
        thread that commits would end with it, and nothing would ever be stored again.
        """
        try:
            self._store.catalog.model(model)
        except (NotFound, Unavailable):
            model = ""
        with self._lock:
            self._fresh[model, reason] += requests

    def totals(self) -> Counter[tuple[str, str]]:
        """Return how many requests were refused, by (model, reason)."""
        with self._keeping:
            kept = Counter(self._store.ledger.refused())
            with self._lock:
                return kept + self._fresh

    def keep(self) -> None:
        """Write down what was counted since the last time.

        Raises:
            Unavailable: the store cannot be written now; the counts are kept for the next time.
        """
        with self._keeping:
            with self._lock:
                fresh = self._fresh.copy()
            if not fresh:
                return
            number = None
            try:
                with self._store.transaction():
                    number = self._store.ledger.refuse(fresh)
            except CommitUnknown:
                if number is None or not self._store.ledger.settle(number):
                    raise
            with self._lock:
                self._fresh -= fresh
