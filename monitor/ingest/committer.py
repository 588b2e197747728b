"""Commit groups of submissions, and answer them only with what is durable."""

import logging
from collections.abc import Sequence

from monitor.clock import Clock
from monitor.errors import Unavailable, WatchglassError
from monitor.ingest.receipts import Receipt, Submission
from monitor.ingest.settle import settle
from monitor.store import CommitUnknown, Store

_log = logging.getLogger(__name__)


class Committer:
    """Turns a group into one transaction and its receipts.

    Args:
        store: where groups go.
        clock: tells when they were received.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def commit(self, group: Sequence[Submission]) -> None:
        """Store a group durably, then answer each of its submissions; never raises."""
        try:
            receipts = self._durable(group)
        except WatchglassError as error:
            self._refuse(group, error)
        except Exception as error:  # noqa: BLE001 - the committer must outlive any one group
            _log.exception("a group of %d submissions could not be stored", len(group))
            self._refuse(group, Unavailable(f"The rows could not be stored: {error}"))
        else:
            for submission, receipt in zip(group, receipts, strict=True):
                submission.future.set_result(receipt)

    def _refuse(self, group: Sequence[Submission], error: WatchglassError) -> None:
        """Tell the senders; where several were together, try each alone, so that one cannot spoil another."""
        if len(group) == 1:
            group[0].future.set_exception(error)
            return
        for submission in group:
            self.commit([submission])

    def _durable(self, group: Sequence[Submission]) -> list[Receipt]:
        number = None
        try:
            with self._store.transaction():
                receipts, number = settle(self._store, group, self._clock.now())
        except CommitUnknown:
            if number is None or not self._store.ledger.settle(number):
                raise
        return receipts
