"""Halves of exchanges: kept from the moment they are acknowledged until their other half comes or they expire."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np

from monitor.store.database import Database
from monitor.store.half import HALF, PROBE, HalfCount, HalfLimits, KeptHalf, Paired, half_line
from monitor.store.half_rows import COLUMNS, PAIRED, insert
from monitor.store.keys import KeyIndex, Seqs
from monitor.store.ledger import Ledger
from monitor.store.sql import naive

_LOOK = timedelta(minutes=1)


@dataclass(slots=True)
class _Known:
    """Where halves and exchanges are, by their keys, and the last seq given."""

    halves: KeyIndex = field(default_factory=KeyIndex)
    paired: KeyIndex = field(default_factory=KeyIndex)
    last: int = 0


class Halves:
    """The halves of every model. What is gone stays in the index until the next start: it costs a look, no more."""

    def __init__(self, database: Database, ledger: Ledger, limits: HalfLimits) -> None:
        self._database = database
        self._ledger = ledger
        self.limits = limits
        self._loading = Lock()
        self._known: _Known | None = None
        self._look = datetime.min.replace(tzinfo=UTC)
        database.on_loss(self._forget)

    def _forget(self) -> None:
        self._known = None

    def _index(self) -> _Known:
        known = self._known
        if known is None:
            with self._loading, self._database.as_it_is():
                known = self._known = self._known or self._load()
        return known

    def _load(self) -> _Known:
        known = _Known()
        for index, table in ((known.halves, "halves"), (known.paired, "exchanges")):
            found = self._database.query(f"SELECT seq, model, source, exchange FROM {table}")  # noqa: S608 - fixed names
            seqs = found.column("seq").to_numpy()
            parts = zip(*(found.column(name).to_pylist() for name in ("model", "source", "exchange")), strict=True)
            index.add(map(_key, parts), seqs)
            known.last = max(known.last, int(seqs.max(initial=0)))
        return known

    def may_hold(self, keys: Sequence[tuple[str, str, str]]) -> bool:
        """Return whether one of these (model, source, exchange) may be in the tables as they are; False is certain."""
        known, wanted = self._index(), [*map(_key, keys)]
        return bool(wanted) and (len(known.halves.find(wanted)) > 0 or len(known.paired.find(wanted)) > 0)

    def find(self, model: str, source: str, exchanges: Iterable[str]) -> tuple[list[KeptHalf], list[Paired]]:
        """Return the halves that wait, and the exchanges that are complete, of those named."""
        known = self._index()
        wanted = set(exchanges)
        keys = [_key((model, source, exchange)) for exchange in wanted]
        halves = self._rows("halves", known.halves.find(keys), model, source)
        paired = self._rows("exchanges", known.paired.find(keys), model, source)
        for row in paired:
            row.pop("seq")
        found = [KeptHalf(**row) for row in halves], [Paired(**row) for row in paired]
        # Hashes may collide: what was not asked for is left out.
        return [one for one in found[0] if one.exchange in wanted], [one for one in found[1] if one.exchange in wanted]

    def _rows(self, table: str, seqs: Seqs, model: str, source: str) -> list[dict[str, Any]]:
        if not len(seqs):
            return []
        return self._database.rows(
            f"SELECT * FROM {table} WHERE {_among(seqs.tolist())} AND model = ? AND source = ?",  # noqa: S608 - numbers
            [model, source],
        )

    def change(
        self, *, added: Sequence[KeptHalf] = (), removed: Sequence[int] = (), paired: Sequence[Paired] = ()
    ) -> None:
        """Keep halves, forget those of these seqs, and note complete exchanges, in the running transaction."""
        known = self._index()
        with self._database.transaction():
            if removed:
                self._database.write(f"DELETE FROM halves WHERE {_among(removed)}")  # noqa: S608 - numbers
            first = known.last + 1
            seqs = np.arange(first, first + len(added) + len(paired), dtype=np.int64)
            known.last += len(seqs)
            split = len(added)
            insert(self._database, "halves", added, COLUMNS, seqs[:split])
            insert(self._database, "exchanges", paired, PAIRED, seqs[split:])

            def publish() -> None:
                known.halves.add((_key((one.model, one.source, one.exchange)) for one in added), seqs[:split])
                known.paired.add((_key((one.model, one.source, one.exchange)) for one in paired), seqs[split:])

            if len(seqs):
                self._database.on_commit(publish)

    def orphaned(self, now: datetime) -> datetime:
        """Return the moment before which a half that still waits must have come to be an orphan."""
        return now - timedelta(minutes=self.limits.orphan_minutes)

    def counts(self, now: datetime, model: str | None = None) -> list[HalfCount]:
        """Return what became of halves by model, source and side; those of one model or all."""
        fates = self.fates(model)
        rows = self._database.rows(
            "SELECT model, source, side, count(*) AS unpaired, "
            "count(*) FILTER (note IS NULL AND received >= $1) AS waiting, "
            "count(*) FILTER (note IS NULL AND received < $1) AS orphan, "
            "count(*) FILTER (note <> $2) AS mismatched, count(*) FILTER (note = $2) AS probe, "
            "sum(octet_length(body))::BIGINT AS bytes, min(received) FILTER (note IS NULL) AS oldest "
            "FROM halves WHERE coalesce(model = $3, true) GROUP BY ALL ORDER BY ALL",
            [naive(self.orphaned(now)), PROBE, model],
        )
        there: dict[tuple[str, str, str], dict[str, Any]] = {
            (row.pop("model"), row.pop("source"), row.pop("side")): row for row in rows
        }
        return [
            HalfCount(model=model, source=source, side=side, fates=fates.get(key, {}), **there.get(key, {}))
            for key in sorted(there.keys() | fates.keys())
            for model, source, side in (key,)
        ]

    def doubled(self) -> int:
        """Return how many halves are there more than once, or beside an exchange that is complete: never any."""
        twice = "SELECT 1 FROM halves GROUP BY model, source, exchange, side HAVING count(*) > 1"
        beside = "SELECT 1 FROM halves SEMI JOIN exchanges USING (model, source, exchange)"
        again = "SELECT 1 FROM exchanges GROUP BY model, source, exchange HAVING count(*) > 1"
        return self._database.integer(
            f"SELECT count(*) FROM ({twice} UNION ALL {beside} UNION ALL {again})"  # noqa: S608 - fixed
        )

    def newest(self, model: str, *, limit: int = 200, before: datetime | None = None) -> list[KeptHalf]:
        """Return a model's unpaired halves, newest first; probes are not among them.

        Args:
            model: the model's name.
            limit: at most so many.
            before: only those that came before this moment.
        """
        rows = self._database.rows(
            "SELECT * FROM halves WHERE model = ? AND coalesce(received < ?, true) AND note IS DISTINCT FROM ? "
            "ORDER BY received DESC, seq DESC LIMIT ?",
            [model, naive(before), PROBE, limit],
        )
        return [KeptHalf(**row) for row in rows]

    def looks(self, now: datetime) -> bool:
        """Return whether `expire` would look now."""
        return now >= self._look

    def expire(self, now: datetime) -> int:
        """Forget the halves and exchanges beyond `HalfLimits`, the oldest first; looks at most once a minute.

        Returns:
            How many halves were forgotten; the ledger has them as expired.
        """
        if not self.looks(now):
            return 0
        self._look = now + _LOOK
        before = now - timedelta(days=self.limits.days)
        placed = (
            "SELECT seq, received, row_number() OVER newest AS place, sum(octet_length(body)) OVER newest AS held "
            "FROM halves WINDOW newest AS (PARTITION BY model ORDER BY seq DESC)"
        )
        old = f"SELECT seq FROM ({placed}) WHERE received < ? OR place > ? OR held > ?"  # noqa: S608 - fixed
        bounds = [naive(before), self.limits.halves, self.limits.total_bytes]
        with self._database.transaction():
            gone = self._database.rows(
                f"SELECT model, source, side, count(*) AS rows FROM halves WHERE seq IN ({old}) GROUP BY ALL",  # noqa: S608 - fixed
                bounds,
            )
            if gone:
                self._database.query(f"DELETE FROM halves WHERE seq IN ({old})", bounds)  # noqa: S608 - fixed
                self._ledger.add(
                    [half_line(row["model"], row["source"], row["side"], "expired", row["rows"]) for row in gone]
                )
            if self._database.integer("SELECT count(*) FROM exchanges WHERE paired < ?", [naive(before)]):
                self._database.query("DELETE FROM exchanges WHERE paired < ?", [naive(before)])
        return sum(row["rows"] for row in gone)

    def fates(self, model: str | None = None) -> Mapping[tuple[str, str, str], Mapping[str, int]]:
        """Return what became of every half taken, by (model, source, side); see `HalfCount`."""
        found: dict[tuple[str, str, str], dict[str, int]] = {}
        for row in self._database.rows(
            "SELECT model, source, outcome, reason AS side, sum(rows)::BIGINT AS rows FROM ledger "
            "WHERE starts_with(outcome, ?) AND coalesce(model = ?, true) GROUP BY ALL ORDER BY ALL",
            [HALF, model],
        ):
            key = (row["model"], row["source"], row["side"])
            found.setdefault(key, {})[row["outcome"].removeprefix(HALF)] = row["rows"]
        return found


def _key(parts: tuple[str, str, str]) -> str:
    return "\0".join(parts)


def _among(seqs: Sequence[int]) -> str:
    """Return the condition that a row is one of these; as numbers in the text, which DuckDB looks up by their range."""
    return f"seq IN ({', '.join(map(str, seqs))})"
