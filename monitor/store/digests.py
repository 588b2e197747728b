"""Lines that wait for the daily digest, and digests that were put together of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.documents import Document
from monitor.store.sql import naive
from monitor.types import Alert

_MESSAGE = Document(Alert)


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One thing to tell at one address with the next digest.

    Attributes:
        alert: which incident, by its alert's id.
        event: ``firing`` or ``resolved``.
        channel, target: where.
        due: from when on a digest takes it along.
        digest: the digest that did; None while it waits.
    """

    alert: str
    event: str
    channel: str
    target: str
    due: datetime
    digest: str | None


class Digests:
    """Digests by id. Lines are added in the transaction that changes their alert."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, alert: str, event: str, channel: str, target: str, due: datetime) -> None:
        """Have an event of an alert told by the next digest of an address; asking again changes nothing."""
        key = [alert, event, channel, target]
        where = "alert = ? AND event = ? AND channel = ? AND target = ?"
        with self._database.transaction():
            known = self._database.scalar(f"SELECT count(*) FROM digest_lines WHERE {where}", key)  # noqa: S608 - fixed
            if not known:
                self._database.query("INSERT INTO digest_lines VALUES (?, ?, ?, ?, ?, NULL)", [*key, naive(due)])

    def readdress(self, line: DigestLine, places: Sequence[tuple[str, str]]) -> None:
        """Have a line that waits told at other channels and targets; where it was told already it is not again."""
        with self._database.transaction():
            for channel, target in places:
                self.add(line.alert, line.event, channel, target, line.due)
            self._database.query(
                "DELETE FROM digest_lines "
                "WHERE digest IS NULL AND alert = ? AND event = ? AND channel = ? AND target = ?",
                [line.alert, line.event, line.channel, line.target],
            )

    def withdraw(self, alert: str) -> None:
        """Have no digest tell what still waits about an alert."""
        self._database.query("DELETE FROM digest_lines WHERE digest IS NULL AND alert = ?", [alert])

    def waiting(self, now: datetime) -> list[DigestLine]:
        """Return what the digests of now have to tell, by address, the oldest first."""
        return self._lines("digest IS NULL AND due <= ?", [naive(now)])

    def of(self, alert: str) -> list[DigestLine]:
        """Return the lines about an alert."""
        return self._lines("alert = ?", [alert])

    def compose(self, message: Alert, channel: str, target: str, now: datetime) -> None:
        """Keep a digest, and note that it tells what waited for its address; in one transaction with its delivery."""
        with self._database.transaction():
            self._database.query("DELETE FROM digests WHERE id = ?", [message.id])
            self._database.query("INSERT INTO digests VALUES (?, ?)", [message.id, _MESSAGE.write(message)])
            self._database.query(
                "UPDATE digest_lines SET digest = ? WHERE digest IS NULL AND due <= ? AND channel = ? AND target = ?",
                [message.id, naive(now), channel, target],
            )

    def message(self, id: str) -> Alert:  # noqa: A002 - the noun
        """Return a digest as it is sent.

        Raises:
            NotFound: there is none of that id.
        """
        body = self._database.scalar("SELECT body FROM digests WHERE id = ?", [id])
        if body is None:
            raise NotFound(f"There is no digest {id!r}.")
        return _MESSAGE.read(body)

    def release(self, id: str, later: timedelta) -> None:  # noqa: A002 - the noun
        """Let the lines of a digest that never arrived wait for a later one."""
        with self._database.transaction():
            self._database.query(
                "UPDATE digest_lines SET digest = NULL, due = due + to_microseconds(?) WHERE digest = ?",
                [later // timedelta(microseconds=1), id],
            )

    def _lines(self, where: str, values: list[object]) -> list[DigestLine]:
        rows = self._database.rows(
            f"SELECT * FROM digest_lines WHERE {where} ORDER BY channel, target, due, alert, event",  # noqa: S608 - fixed
            values,
        )
        return [DigestLine(**row) for row in rows]
