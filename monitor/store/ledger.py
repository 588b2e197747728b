"""The ledger: every row received is counted as stored, duplicate, rejected or dropped, with a reason."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.store.database import Database
from monitor.store.seal import Seal
from monitor.types import LedgerLine

RECEIVED = "received"
"""The outcome under which a submission's rows are counted before their fates are known."""

REFUSED = "refused"
"""The outcome under which requests (not rows) are counted that were told to come again: their rows were not taken."""

FATES = ("stored", "duplicate", "rejected", "dropped")
"""What becomes of a row received; exactly one of these."""

_COMPACT_AT = 20_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A moment when fewer groups were found in the store than had been acknowledged."""

    expected: int
    found: int


class Ledger:
    """Counts, appended in the transaction of the rows they count. Each group has a number, one more than the last."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._last: int | None = None
        self._lines = 0
        database.on_loss(self._forget)

    def _forget(self) -> None:
        self._last = None

    def last(self) -> int:
        """Return the number of the newest durable group."""
        if self._last is None:
            row = self._database.rows("SELECT coalesce(max(number), 0) AS last, count(*) AS lines FROM ledger")[0]
            self._lines = row["lines"]
            self._last = row["last"]
        return self._last

    def add(self, lines: Sequence[LedgerLine]) -> int:
        """Append counts within the running transaction and return their group's number."""
        with self._database.transaction():
            number = self.last() + 1
            kept = [line for line in lines if line.rows]
            if kept:
                values = [(number, line.model, line.source, line.outcome, line.reason, line.rows) for line in kept]
                places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(values))
                self._database.write(f"INSERT INTO ledger VALUES {places}", [cell for row in values for cell in row])  # noqa: S608
            self._lines += len(kept)
            if self._lines > _COMPACT_AT:
                self._compact()
            self._database.on_commit(lambda: self._durable(number))
        return number

    def _durable(self, number: int) -> None:
        self._last = number
        self._seal.write(number)

    def _compact(self) -> None:
        query = "SELECT max(number) AS number, model, source, outcome, reason, sum(rows)::BIGINT AS rows FROM ledger"
        sums = self._database.query(f"{query} GROUP BY ALL")
        self._database.query("DELETE FROM ledger")
        self._database.insert("ledger", sums)
        self._lines = sums.num_rows

    def client_drops(self, model: str, source: str, client: str, totals: Mapping[str, int]) -> list[LedgerLine]:
        """Remember a client's cumulative drop counters and return ledger lines for what they have grown by.

        The same counters sent again, or older ones, change nothing.
        """
        key = [model, source, client]
        where = "model = ? AND source = ? AND client = ?"
        with self._database.transaction():
            rows = self._database.rows(f"SELECT reason, total FROM client_drops WHERE {where}", key)  # noqa: S608 - fixed
            known = {str(row["reason"]): row["total"] for row in rows}
            grown = {reason: total - known.get(reason, 0) for reason, total in totals.items()}
            grown = {reason: rows for reason, rows in grown.items() if rows > 0}
            for reason in grown:
                self._database.query(f"DELETE FROM client_drops WHERE {where} AND reason = ?", [*key, reason])  # noqa: S608 - fixed
                self._database.query("INSERT INTO client_drops VALUES (?, ?, ?, ?, ?)", [*key, reason, totals[reason]])
        lines = [
            LedgerLine(model=model, source=source, outcome="dropped", reason=reason, rows=rows)
            for reason, rows in grown.items()
        ]
        total = LedgerLine(model=model, source=source, outcome=RECEIVED, reason="", rows=sum(grown.values()))
        return [total, *lines] if lines else []

    def lines(self, model: str | None = None) -> list[LedgerLine]:
        """Return the sums by model, source, outcome and reason."""
        return [line for line in self._sums(model) if line.outcome in FATES]

    def received(self, model: str | None = None) -> dict[tuple[str, str], int]:
        """Return how many rows were received, by (model, source)."""
        return {(line.model, line.source): line.rows for line in self._sums(model) if line.outcome == RECEIVED}

    def refuse(self, requests: Mapping[tuple[str, str], int]) -> int:
        """Count requests that were refused, by (model, reason); return their group's number."""
        return self.add(
            [
                LedgerLine(model=model, source="", outcome=REFUSED, reason=reason, rows=count)
                for (model, reason), count in requests.items()
            ]
        )

    def refused(self) -> dict[tuple[str, str], int]:
        """Return how many requests were refused, by (model, reason)."""
        return {(line.model, line.reason): line.rows for line in self._sums(None) if line.outcome == REFUSED}

    def _sums(self, model: str | None) -> list[LedgerLine]:
        rows = self._database.rows(
            "SELECT model, source, outcome, reason, sum(rows)::BIGINT AS rows FROM ledger "
            "WHERE coalesce(model = ?, true) GROUP BY ALL ORDER BY ALL",
            [model],
        )
        return [LedgerLine(**row) for row in rows]

    def settle(self, number: int) -> bool:
        """Say whether a group became durable after its commit raised; if so, seal it as if nothing had happened."""
        durable = self.last() >= number
        if durable:
            self._seal.write(self.last())
        return durable

    def sealed(self) -> int:
        """Return the number of the newest group that was acknowledged, as the side file says."""
        return self._seal.read()

    def check_seal(self) -> None:
        """Compare the store with its side file, and remember for good what is missing."""
        found, expected = self.last(), self.sealed()
        if found >= expected:
            return
        _log.error(
            "acknowledged rows are missing: %d groups were acknowledged, %d are in the store; its write-ahead log was "
            "cut. Restore it from a backup; `watchglass verify` shows this for good",
            expected,
            found,
        )
        with self._database.transaction():
            self._database.query("INSERT INTO losses VALUES (?, ?)", [expected, found])
            self._database.query("INSERT INTO ledger VALUES (?, '', '', 'lost', 'write-ahead log cut', 0)", [expected])
        self._last = expected

    def losses(self) -> list[Loss]:
        """Return every loss ever noticed."""
        return [Loss(**row) for row in self._database.rows("SELECT expected, found FROM losses")]
