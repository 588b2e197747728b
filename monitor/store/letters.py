"""Dead letters: what could not be stored as a row, kept for a limited time with the bytes that were sent."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.ledger import Ledger
from monitor.store.sql import UTC_TIME, naive
from monitor.types import LedgerLine

BURIED = "buried"
"""The ledger's outcome under which a letter is counted when it is kept."""

ENDS = ("replayed", "expired", "deleted", "crowded_out")
"""What becomes of a letter; those with none of these are waiting."""

_NUMBERS = 1_000_000  # letters of one group; their numbers begin with the group's
_TYPES = {
    **dict.fromkeys(("source", "form", "id", "reason", "detail"), pa.string()),
    "body": pa.binary(),
    "size": pa.int64(),
    "headers": pa.string(),
    "received": UTC_TIME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is kept, and for how long: it holds what was sent, unmasked."""

    body_bytes: int = 64 * 2**10
    days: float = 7.0
    letters: int = 10_000
    total_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be stored: who sent it, why not, and the bytes.

    ``form`` says how the body is to be read: ``inferences`` or ``labels`` (one JSON row of the API), a collector's name
    (a whole request, with ``headers``), or ``note`` (for people only). ``size`` is how long the body was; where more
    was sent than is kept, ``body`` is its beginning. ``number`` is given when it is kept.
    """

    model: str
    source: str
    id: str | None
    reason: str
    detail: str
    received: datetime
    form: str = "note"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    number: int = 0
    replayed: datetime | None = None

    @property
    def cut(self) -> bool:
        """Whether only the beginning of the body is kept."""
        return self.replayed is None and self.size > len(self.body)


class Letters:
    """The dead letters of every model. Each is counted in the ledger when it is kept, and when it goes."""

    def __init__(self, database: Database, ledger: Ledger, limits: Limits) -> None:
        self._database = database
        self._ledger = ledger
        self.limits = limits

    def bury(self, model: str, letters: Sequence[DeadLetter], number: int) -> None:
        """Keep letters of one model within the running transaction; over the limits the oldest go.

        Args:
            model: whose they are.
            letters: in the order they came.
            number: the number of their ledger group.
        """
        counts = Counter((letter.source, BURIED, letter.reason) for letter in letters)
        kept = letters[-min(self.limits.letters, _NUMBERS) :]
        counts.update((letter.source, "crowded_out", letter.reason) for letter in letters[: -len(kept)])
        bodies = [letter.body[: self.limits.body_bytes] for letter in kept]
        values: dict[str, list[Any]] = {key: [getattr(letter, key) for letter in kept] for key in _TYPES}
        values["body"] = bodies
        values["size"] = [len(letter.body) for letter in kept]
        values["headers"] = [json.dumps(dict(letter.headers)) for letter in kept]
        rows = pa.table({key: pa.array(values[key], kind) for key, kind in _TYPES.items()})
        rows = rows.append_column(
            "number", pa.array(range(number * _NUMBERS, number * _NUMBERS + len(kept)), pa.int64())
        )
        rows = rows.append_column("model", pa.repeat(pa.scalar(model), len(kept)))
        with self._database.transaction():
            self._database.insert("letters", rows)
            self._count(model, counts)
            self._make_room(model)

    def _make_room(self, model: str) -> None:
        held = self._database.rows(
            "SELECT count(*) AS letters, coalesce(sum(octet_length(body)), 0)::BIGINT AS bytes FROM letters "
            "WHERE model = ?",
            [model],
        )[0]
        if held["letters"] <= self.limits.letters and held["bytes"] <= self.limits.total_bytes:
            return
        # A little more than needed, so that not every group has to make room.
        places = (
            "row_number() OVER (ORDER BY number DESC) > ? OR sum(octet_length(body)) OVER (ORDER BY number DESC) > ?"
        )
        old = f"SELECT number FROM letters WHERE model = ? QUALIFY {places}"  # noqa: S608 - fixed
        most = [model, self.limits.letters * 19 // 20, self.limits.total_bytes * 19 // 20]
        self._remove("crowded_out", f"number IN ({old}) AND model = ?", [*most, model])

    def expire(self, now: datetime) -> int:
        """Remove what was kept long enough; return how many letters went that were still waiting."""
        before = naive(now - timedelta(days=self.limits.days))
        if not self._database.integer("SELECT count(*) FROM letters WHERE received <= ?", [before]):
            return 0
        return self._remove("expired", "received <= ?", [before])

    def delete(
        self, model: str, *, reason: str | None = None, source: str | None = None, number: int | None = None
    ) -> int:
        """Remove the letters that match; return how many there were, the replayed ones too.

        Raises:
            NotFound: a letter was named by its number, and there is none.
        """
        where, values = _where(model, reason, source, number)
        found = self._database.integer(f"SELECT count(*) FROM letters WHERE {where}", values)  # noqa: S608 - fixed
        if number is not None and not found:
            raise NotFound(f"The model {model!r} has no dead letter {number}; it was deleted, or kept long enough.")
        if found:
            self._remove("deleted", where, values)
        return found

    def _remove(self, end: str, where: str, values: Sequence[object]) -> int:
        """Delete letters, and count those whose end this is: a letter that was replayed has had its own."""
        with self._database.transaction():
            gone = self._database.rows(
                f"DELETE FROM letters WHERE {where} RETURNING model, source, reason, replayed",  # noqa: S608 - fixed
                values,
            )
            waiting = [row for row in gone if row["replayed"] is None]
            for model in {row["model"] for row in waiting}:
                self._count(
                    model, Counter((row["source"], end, row["reason"]) for row in waiting if row["model"] == model)
                )
        return len(waiting)

    def mark_replayed(self, model: str, numbers: Iterable[int], now: datetime) -> None:
        """Note, within the running transaction, that letters became rows; their bodies are not needed any more."""
        gone = self._database.rows(
            "UPDATE letters SET replayed = ?, body = ''::BLOB WHERE model = ? AND number = ANY(?) AND replayed IS NULL "
            "RETURNING source, reason",
            [naive(now), model, list(numbers)],
        )
        self._count(model, Counter((row["source"], "replayed", row["reason"]) for row in gone))

    def _count(self, model: str, counts: Mapping[tuple[str, str, str], int]) -> None:
        self._ledger.add(
            [
                LedgerLine(model=model, source=source, outcome=outcome, reason=reason, rows=letters)
                for (source, outcome, reason), letters in counts.items()
            ]
        )

    def query(
        self,
        model: str | None = None,
        *,
        reason: str | None = None,
        source: str | None = None,
        waiting: bool = False,
        after: int | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> list[DeadLetter]:
        """Return letters, newest first; with ``after`` those of higher numbers instead, oldest first."""
        where, values = _where(model, reason, source, None)
        if waiting:
            where += " AND replayed IS NULL"
        order = "received DESC, number DESC"
        if after is not None:
            where, values, order = f"{where} AND number > ?", [*values, after], "number"
        rows = self._database.rows(
            f"SELECT * FROM letters WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608 - fixed
            [*values, limit, offset],
        )
        return [DeadLetter(**row | {"headers": json.loads(row["headers"])}) for row in rows]

    def count(self, model: str, *, reason: str | None = None, source: str | None = None) -> int:
        """Return how many letters match, the replayed ones too."""
        where, values = _where(model, reason, source, None)
        return self._database.integer(f"SELECT count(*) FROM letters WHERE {where}", values)  # noqa: S608 - fixed

    def get(self, model: str, number: int) -> DeadLetter:
        """Return one letter.

        Raises:
            NotFound: the model has no such letter.
        """
        rows = self._database.rows("SELECT * FROM letters WHERE model = ? AND number = ?", [model, number])
        if not rows:
            raise NotFound(f"The model {model!r} has no dead letter {number}; it was deleted, or kept long enough.")
        return DeadLetter(**rows[0] | {"headers": json.loads(rows[0]["headers"])})

    def waiting(self) -> list[dict[str, Any]]:
        """Return (model, source, reason, letters, bytes) of the letters that wait to be replayed or to expire."""
        return self._database.rows(
            "SELECT model, source, reason, count(*) AS letters, sum(octet_length(body))::BIGINT AS bytes FROM letters "
            "WHERE replayed IS NULL GROUP BY ALL ORDER BY letters DESC, model, source, reason"
        )

    def ends(self, model: str | None = None) -> dict[tuple[str, str], int]:
        """Return how many letters were ever kept, and what became of them, by (model, outcome)."""
        rows = self._database.rows(
            "SELECT model, outcome, sum(rows)::BIGINT AS letters FROM ledger "
            "WHERE outcome = ANY(?) AND coalesce(model = ?, true) GROUP BY ALL",
            [[BURIED, *ENDS], model],
        )
        return {(row["model"], row["outcome"]): row["letters"] for row in rows}


def _where(model: str | None, reason: str | None, source: str | None, number: int | None) -> tuple[str, list[object]]:
    given = {"model": model, "reason": reason, "source": source, "number": number}
    chosen = {column: value for column, value in given.items() if value is not None}
    return " AND ".join([*(f"{column} = ?" for column in chosen), "true"]), list(chosen.values())
