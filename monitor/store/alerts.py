"""Alerts, and the outbox of what must be delivered about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.documents import Document
from monitor.store.sql import naive
from monitor.types import Alert, Delivery

_ALERT = Document(Alert)


class Alerts:
    """Alerts by id. An alert and what is to be sent about it are put in one ``store.transaction()``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, alert: Alert) -> None:
        """Store an alert, replacing the one of the same id."""
        with self._database.transaction():
            self._database.query("DELETE FROM alerts WHERE id = ?", [alert.id])
            self._database.query(
                "INSERT INTO alerts VALUES (?, ?, ?, ?, ?)",
                [alert.id, alert.model, alert.state.value, naive(alert.window.start), _ALERT.write(alert)],
            )

    def alert(self, id: str) -> Alert:  # noqa: A002 - the noun
        """Return one alert.

        Raises:
            NotFound: there is none of that id.
        """
        body = self._database.scalar("SELECT body FROM alerts WHERE id = ?", [id])
        if body is None:
            raise NotFound(f"There is no alert {id!r}.")
        return _ALERT.read(body)

    def query(
        self,
        model: str | None = None,
        state: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[Alert]:
        """Return alerts, newest window first; ``start`` and ``end`` bound the window's start, half-open."""
        rows = self._database.rows(
            "SELECT body FROM alerts WHERE coalesce(model = ?, true) AND coalesce(state = ?, true) "
            "AND coalesce(window_start >= ?, true) AND coalesce(window_start < ?, true) ORDER BY window_start DESC, id",
            [model, None if state is None else str(state), naive(start), naive(end)],
        )
        return [_ALERT.read(row["body"]) for row in rows]

    def enqueue(self, alert: Alert, event: str, channel: str, target: str) -> None:
        """Ask for one delivery about an alert, due at once; asking again for the same changes nothing."""
        key = [alert.id, event, channel, target]
        with self._database.transaction():
            if not self._find(key):
                moment = naive(alert.updated)
                self._database.query(
                    "INSERT INTO deliveries VALUES (?, ?, ?, ?, 0, ?, ?, NULL, NULL)", [*key, moment, moment]
                )

    def due_deliveries(self, now: datetime) -> list[Delivery]:
        """Return what is neither delivered nor given up and should be tried by now, oldest first."""
        return self._deliveries("delivered IS NULL AND due <= ?", [naive(now)])

    def held_up(self, delivery: Delivery) -> bool:
        """Whether an alert's end is to be told where that it fired is still waiting to be delivered."""
        waiting = self._database.scalar(
            "SELECT count(*) FROM deliveries WHERE alert = ? AND event = 'firing' AND channel = ? AND target = ? "
            "AND delivered IS NULL AND due IS NOT NULL",
            [delivery.alert, delivery.channel, delivery.target],
        )
        return delivery.event != "firing" and bool(waiting)

    def enqueued(self, delivery: Delivery) -> datetime:
        """Return when a delivery was first asked for.

        Raises:
            NotFound: it never was.
        """
        found = self._find(_key(delivery))
        if not found:
            raise NotFound(f"Delivery of {delivery.event!r} of the alert {delivery.alert!r} was never asked for.")
        enqueued: datetime = found[0]["enqueued"]
        return enqueued

    def delivered(self, delivery: Delivery, at: datetime) -> None:
        """Note that an attempt succeeded."""
        self._attempted("delivered = ?, due = NULL, error = NULL", [naive(at)], delivery)

    def failed(self, delivery: Delivery, error: str, retry_at: datetime | None) -> None:
        """Note that an attempt failed; without ``retry_at`` it is given up."""
        self._attempted("error = ?, due = ?", [error, naive(retry_at)], delivery)

    def deliveries(self, alert: str | None = None) -> list[Delivery]:
        """Return every delivery, or those of one alert and of the digests that told of it, oldest first."""
        where = "coalesce(alert = ? OR alert IN (SELECT digest FROM digest_lines l WHERE l.alert = ?), true)"
        return self._deliveries(where, [alert, alert])

    def _attempted(self, change: str, values: Sequence[object], delivery: Delivery) -> None:
        with self._database.transaction():
            self._database.query(
                f"UPDATE deliveries SET attempts = attempts + 1, {change} "  # noqa: S608 - fixed texts
                "WHERE alert = ? AND event = ? AND channel = ? AND target = ?",
                [*values, *_key(delivery)],
            )

    def _find(self, key: Sequence[object]) -> list[dict[str, Any]]:
        where = "alert = ? AND event = ? AND channel = ? AND target = ?"
        return self._database.rows(f"SELECT enqueued FROM deliveries WHERE {where}", key)  # noqa: S608 - fixed

    def _deliveries(self, where: str, values: Sequence[object]) -> list[Delivery]:
        rows: list[dict[str, Any]] = self._database.rows(
            "SELECT alert, event, channel, target, attempts, delivered, error "  # noqa: S608 - fixed texts
            f"FROM deliveries WHERE {where} ORDER BY enqueued, alert, event, channel, target",
            values,
        )
        return [Delivery(**row) for row in rows]


def _key(delivery: Delivery) -> list[object]:
    return [delivery.alert, delivery.event, delivery.channel, delivery.target]
