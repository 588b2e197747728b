"""Commit groups of submissions, and answer them only with what is durable."""

import logging
from collections.abc import Sequence
from datetime import datetime

from monitor.clock import Clock
from monitor.errors import DiskFull, Unavailable, WatchglassError
from monitor.ingest.pending import Pending
from monitor.ingest.receipts import Receipt, Submission
from monitor.ingest.refusals import DISK_FULL, FAILED, Refusals
from monitor.ingest.settle import settle
from monitor.ingest.swift import Swift
from monitor.store import CommitUnknown, Disk, Store, is_full

_log = logging.getLogger(__name__)
_TRIES = 3
"""How many submissions of a group are tried alone while the store refuses each: then it is not they."""


class Committer:
    """Turns a group into one transaction and its receipts.

    Args:
        store: where groups go.
        clock: tells when they were received.
        disk: says whether there is room for them.
        refusals: counts those that could not be stored.
        pending: takes what can be answered from the journal alone; without it nothing can.
    """

    def __init__(
        self, store: Store, clock: Clock, disk: Disk, refusals: Refusals, pending: Pending | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._disk = disk
        self._refusals = refusals
        self._pending = pending
        self._swift = None if pending is None else Swift(store, pending)

    def commit(self, group: Sequence[Submission]) -> bool:
        """Store a group durably, then answer each of its submissions; never raises.

        Returns:
            Whether the journal was enough: the tables were not touched.
        """
        others = group if self._swift is None else self._journal(self._swift, group)
        if others:
            others = [single for submission in others for single in submission.singles()]
            self._commit(others)
            if self._swift is not None:
                self._swift.meeting.forget(others)
        return not others

    def expire_halves(self, now: datetime) -> int:
        """Let the store forget halves of exchanges, as `monitor.store.Halves.expire` says."""
        return self._store.halves.expire(now) if self._swift is None else self._swift.meeting.expire(now)

    def _journal(self, swift: Swift, group: Sequence[Submission]) -> Sequence[Submission]:
        """Store and answer what can be by the journal alone; return the rest."""
        try:
            self._disk.check(sum(submission.bytes for submission in group))
            now = self._clock.now()
            with swift.group():
                quick, others = swift.split(group, now)
                receipts = swift.store(quick, now) if quick else []
        except (WatchglassError, OverflowError, UnicodeError, TypeError):
            return group  # no room, or a value that the journal cannot hold: the tables may, or say what is wrong
        except Exception as error:  # noqa: BLE001 - whatever it is, the tables are tried, which say what is wrong
            _log.warning("%d submissions could not be written to the journal: %s", len(group), error)
            return group
        for submission, receipt in zip(quick, receipts, strict=True):
            submission.future.set_result(receipt)
        return others

    def _commit(self, group: Sequence[Submission]) -> None:
        error = self._attempt(group)
        if error is None:
            return
        if len(group) == 1:
            self._refuse(group[0], error)
            return
        # Each is tried alone, so that one cannot spoil another; but not for ever where it is the store that refuses.
        failed = 0
        for submission in group:
            again = error if failed >= _TRIES else self._attempt([submission])
            if again is not None:
                error = again
                failed = failed + 1 if isinstance(again, Unavailable) else 0
                self._refuse(submission, again)
            else:
                failed = 0

    def _attempt(self, group: Sequence[Submission]) -> WatchglassError | None:
        """Store a group and answer it, or return why that failed."""
        try:
            self._disk.check(sum(submission.bytes for submission in group), fresh=True)
            receipts = self._durable(group)
        except WatchglassError as error:
            return _full(error) if is_full(error) else error
        except Exception as error:  # noqa: BLE001 - the committer must outlive any one group
            _log.exception("a group of %d submissions could not be stored", len(group))
            return Unavailable(f"The rows could not be stored: {error}")
        for submission, receipt in zip(group, receipts, strict=True):
            submission.future.set_result(receipt)
        return None

    def _refuse(self, submission: Submission, error: WatchglassError) -> None:
        if isinstance(error, Unavailable):
            self._refusals.count(submission.model, DISK_FULL if isinstance(error, DiskFull) else FAILED)
        submission.future.set_exception(error)

    def _durable(self, group: Sequence[Submission]) -> list[Receipt]:
        number = None
        try:
            with self._store.transaction():
                if self._pending is not None and self._pending.rows:
                    raise Unavailable(
                        "Rows that came before are not in the tables yet. Send the same rows again later."
                    )
                receipts, number = settle(self._store, group, self._clock.now())
        except CommitUnknown:
            # It may be durable all the same, as when only the checkpoint after it failed: the file knows.
            if number is None or not self._store.ledger.settle(number):
                raise
        return receipts


def _full(error: WatchglassError) -> WatchglassError:
    if isinstance(error, DiskFull):
        return error
    full = DiskFull(f"The disk took no more: {error} Free some space; the same rows can be sent again then.")
    full.__cause__ = error
    return full
