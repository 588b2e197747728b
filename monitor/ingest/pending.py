"""Rows and halves that are durable in the journal but not in the tables yet, and how they are brought there."""

import logging
import time
from collections.abc import Sequence
from threading import Condition

import msgspec

from monitor.errors import Unavailable, WatchglassError
from monitor.ingest.frames import Group, Held, read, submissions
from monitor.ingest.journal import Journal
from monitor.ingest.rows import inference_as_sent
from monitor.ingest.settle import settle
from monitor.schema import Sent
from monitor.store import RECEIVED, CommitUnknown, DeadLetter, Store
from monitor.types import LedgerLine

SOON_ROWS, SOON_SECONDS = 20_000, 1.0
"""When rows are brought in though nobody asks: as many, or the oldest so old. Together, each costs less."""

AGAIN_SECONDS = 1.0
"""How long after the tables have refused them they are tried again."""

MOST_ROWS, MOST_BYTES = 50_000, 32 * 2**20
"""From so much pending on, what comes waits until it is in the tables: memory and a restart are bounded."""

_FAILED = "store_failed"
_log = logging.getLogger(__name__)


class Pending:
    """What the journal holds and the tables do not, in order.

    One thread adds; any may bring it in. That takes the store's writer lock, so two never bring in the same.

    Args:
        store: whose tables.
        journal: where the frames are.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._changed = Condition()
        self._held: list[Held] = []
        self._keys: set[tuple[str, str | None]] = set()
        self._closed = False
        self._again = 0.0  # when to try again what the tables have refused, by the monotonic clock
        self._bytes = 0
        self._sure = True
        self.rows = 0
        self.reached = 0

    def recover(self) -> None:
        """Take what the last process left, and bring it in; say what is missing.

        Raises:
            Unavailable: the journal cannot be read.
        """
        self.reached = reached = self._store.journaled.reached()
        found = self._journal.read(reached)
        if found.missing:
            _log.error("%d acknowledged groups are missing from the journal %s", found.missing, self._journal.path)
            self._store.journaled.lose(reached + found.missing + len(found.frames), reached + len(found.frames))
        for frame in found.frames:
            try:
                self._hold(Held(frame.number, read(frame.payload), len(frame.payload)))
            except (msgspec.DecodeError, TypeError, ValueError, KeyError):
                _log.exception("frame %d of the journal cannot be read", frame.number)
                self._store.journaled.lose(frame.number, frame.number - 1)
        if found.frames:
            self._sure = not self._held  # which rows the halves among them give is not known before
            _log.info("%d groups of rows were in the journal, and are brought into the tables", len(found.frames))
            self.bring_in()
        elif found.missing:
            self._store.journaled.reach(self._journal.number)

    def room(self) -> bool:
        """Return whether more may be added."""
        return self._sure and self.rows < MOST_ROWS and self._bytes < MOST_BYTES

    def knows(self, model: str, id: str | None) -> bool:  # noqa: A002 - the noun
        """Return whether a row with this id is pending."""
        return (model, id) in self._keys

    def add(self, groups: Sequence[Group], payload: bytes) -> int:
        """Make groups durable; ``payload`` is `monitor.ingest.frames.written` of them. Returns their number.

        Raises:
            OSError: the journal could not be written; nothing was added.
        """
        number = self._journal.append(payload)
        self._hold(Held(number, groups, len(payload)))
        return number

    def _hold(self, held: Held) -> None:
        with self._changed:
            before = self.rows
            self._held.append(held)
            self._bytes += held.bytes
            for group in held.groups:
                self.rows += group.size
                self._keys |= group.names
            if not before or self.rows >= SOON_ROWS > before:
                self._changed.notify_all()

    def open(self) -> None:
        """Let `wait` wait again after `close`."""
        self._closed = False

    def wait(self) -> bool:
        """Wait until something should be brought in; False once closed."""
        with self._changed:
            while not self._held and not self._closed:
                self._changed.wait()
            refused = self._again > time.monotonic()
            if (self.rows < SOON_ROWS or refused) and not self._closed:
                self._changed.wait(AGAIN_SECONDS if refused else SOON_SECONDS)
            return not self._closed

    def close(self) -> None:
        """Let nobody wait any more, and empty the journal if all of it is in the tables."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._journal.close(0 if self._held else self._journal.number)

    def bring_in(self) -> None:
        """Bring all that is pending into the tables; never raises: what fails is tried again later.

        Not for a second, though: while the tables refuse it, as on a full disk, what is in them can still be read.
        """
        if not self._held or time.monotonic() < self._again:
            return
        try:
            try:
                self._commit(len(self._held))
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, the readers and the committer who ask must go on
                _log.exception("the journal's rows could not be brought in together; each is tried alone")
                self._salvage_all()
        except WatchglassError as error:
            self._again = time.monotonic() + AGAIN_SECONDS
            _log.warning("the journal's rows could not be brought into the tables; that is tried again: %s", error)

    def _commit(self, most: int) -> None:
        """Bring in the first frames, in one transaction with the number reached."""
        number = counted = 0
        try:
            with self._store.transaction():
                number, held = self._next(most)
                if held:
                    number = held[-1].number
                    received = held[-1].groups[-1].received
                    _, counted = settle(self._store, submissions(self._store, held), received)
                    self._store.journaled.reach(number)
        except CommitUnknown:
            if self._store.journaled.reached() < number:
                raise
            self._store.ledger.settle(counted)
        self._forget(number)

    def _next(self, most: int) -> tuple[int, list[Held]]:
        """Return the number that the tables have reached, and the first frames behind it.

        Called within a transaction, where that is sure: another thread may just have brought them in.
        """
        reached = self._store.journaled.reached()
        with self._changed:
            return reached, [held for held in self._held[:most] if held.number > reached]

    def _forget(self, reached: int) -> None:
        """Let go of the frames up to a number, which are in the tables."""
        with self._changed:
            for held in self._held:
                if held.number <= reached:
                    self._bytes -= held.bytes
                    for group in held.groups:
                        self.rows -= group.size
                        self._keys -= group.names
            self._held = [held for held in self._held if held.number > reached]
            self._sure = self._sure or not self._held
            self.reached = max(self.reached, reached)
        self._journal.applied(reached)

    def _salvage_all(self) -> None:
        with self._store.database.sole_writer():
            while self._held:
                try:
                    self._commit(1)
                except Unavailable:
                    raise
                except Exception:  # noqa: BLE001 - whatever it is, no frame may stop the others
                    _log.exception("a frame of the journal could not be brought in; its rows are tried one by one")
                    self._salvage(self._held[0])

    def _salvage(self, held: Held) -> None:
        """Bring in one frame row by row; what the tables cannot hold becomes a dead letter."""
        for group in held.groups:
            for alone in group.ones:
                try:
                    self._alone(alone)
                except Unavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - as above
                    self._bury(alone, error)
        with self._store.transaction():
            self._store.journaled.reach(held.number)
        self._forget(held.number)

    def _alone(self, group: Group) -> None:
        with self._store.transaction():
            settle(self._store, submissions(self._store, [Held(0, [group], 0)]), group.received)

    def _bury(self, group: Group, error: Exception) -> None:
        sent = Sent("note", group.halves[0].body) if group.halves else inference_as_sent(group.rows[0])
        detail = f"The store could not take it after it had been acknowledged: {error}"
        counts = ((RECEIVED, ""), ("rejected", _FAILED))
        lines = [
            LedgerLine(model=group.model, source=group.source, outcome=outcome, reason=reason, rows=1)
            for outcome, reason in counts
        ]
        letter = DeadLetter(
            model=group.model,
            source=group.source,
            id=group.halves[0].exchange if group.halves else group.rows[0].id,
            reason=_FAILED,
            detail=detail,
            received=group.received,
            form=sent.form,
            body=sent.body,
            headers=sent.headers,
        )
        try:
            self._store.rows.commit(group.model, None, None, lines, [letter])
        except Unavailable:
            raise
        except WatchglassError:  # its model is not registered: another database under this journal
            _log.exception("a row of the journal belongs to no model here")
            self._store.journaled.lose(1, 0)
