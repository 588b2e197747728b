"""Captured rows and labels: committed together with their counts, found again by id, read back in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from monitor.schema.held import ARRAYS
from monitor.store import outcomes, tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.identified import Identified, segment_value
from monitor.store.keys import KeyIndex
from monitor.store.known import Known, span
from monitor.store.ledger import Ledger
from monitor.store.letters import DeadLetter, Letters
from monitor.store.recent import Recent
from monitor.store.sql import UTC_TIME, names, quote
from monitor.types import LedgerLine

_BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Committed:
    """The seqs given to what was committed (first > last if nothing was), and the number of its ledger group."""

    first_seq: int
    last_seq: int
    number: int


class Rows(Identified):
    """The captured rows and labels of every model; see `Identified` and `Queries` for finding them."""

    def __init__(self, database: Database, catalog: Catalog, ledger: Ledger, letters: Letters) -> None:
        super().__init__(database, catalog)
        self._ledger = ledger
        self._letters = letters
        self._recent = Recent()
        self._given: dict[str, int] = {}  # the last seq given in the running transaction
        database.on_loss(self._recent.clear)

    def commit(
        self,
        model: str,
        batch: pa.Table | None,
        labels: pa.Table | None,
        ledger: Sequence[LedgerLine] = (),
        dead_letters: Sequence[DeadLetter] = (),
    ) -> Committed:
        """Store rows, labels, counts and dead letters in one transaction; return when they are durable.

        Inside ``store.transaction()`` several calls become durable together. Rows get ascending seqs in the order
        given, then labels do. What is stored already must have been taken out: see `existing` and `label_history`.

        Args:
            model: a registered model.
            batch: canonical rows, or None.
            labels: columns id, version (null: every version), value, time, received; or None.
            ledger: what became of every row received, with an outcome ``received`` for their sum.
            dead_letters: what could not be stored as rows.

        Raises:
            NotFound: the model is not registered.
            CommitUnknown: the commit raised and may have become durable; compare ``ledger.last()`` with the number.
        """
        schema = self._catalog.model(model).schema
        known = self._known(model)
        with self._database.transaction():
            last = self._given.get(model, known.last_seq)
            first = last + 1
            added: list[tuple[KeyIndex, list[str], int]] = []
            kept = None
            if batch is not None and batch.num_rows:
                sent = set(batch.column_names)
                kept = batch.select([name for name in tables.columns(schema) if name in sent])
                kept = kept.append_column("_seq", pa.array(span(last, len(batch))))
                self._database.insert(tables.captured(model), kept)
                added.append((known.rows, batch.column("_id").to_pylist(), last))
                last += len(batch)
            if labels is not None and labels.num_rows:
                self._database.insert(
                    tables.labels(model), labels.append_column("seq", pa.array(span(last, len(labels))))
                )
                added.append((known.labels, labels.column("id").to_pylist(), last))
                last += len(labels)
            number = self._ledger.add(ledger)
            if dead_letters:
                self._letters.bury(model, dead_letters, number)
            self._given[model] = last
            self._database.on_end(self._given.clear)
            self._database.on_commit(lambda: _publish(known, last, added))
            self._database.on_commit(lambda: self._recent.add(model, first - 1, last, kept))
        return Committed(first, last, number)

    def outcome_deltas(
        self, model: str, after_seq: int, up_to_seq: int, segments: Sequence[str] | None = None
    ) -> pa.Table:
        """Return what the seqs in (after_seq, up_to_seq] changed about the truth of rows: see `outcomes`.

        All features come with them; of rows that are not kept, which ``_unkept`` tells, only those of segments.

        Args:
            model: whose.
            after_seq: the span's beginning, exclusive.
            up_to_seq: its end, inclusive.
            segments: the segment features that are returned with each row; without it the model's of today.
        """
        known = self._known(model)
        found = self._catalog.model(model)
        wanted = [name for name in (found.segments if segments is None else segments) if found.schema.feature(name)]
        rest = [each.name for each in found.schema.features if each.name not in wanted and each.kind not in ARRAYS]
        own = ["_id", "_version", "_time", "_score", "_scores", "_prediction"]
        source = self.every(model, names(["_seq", *own]), wanted, rest)
        columns = [*own, *wanted, *rest, *(["_unkept"] if rest else [])]
        return outcomes.outcome_deltas(
            self._database, model, source, columns, known.rows, known.labels, after_seq, up_to_seq
        )

    def recent(self, model: str, after_seq: int, up_to_seq: int) -> pa.Table | None:
        """Return the canonical rows and ``_seq`` of some seqs as they were committed; None where `tail` must read them.

        Columns are what was given, in order; one that was not given is not there.
        """
        return self._recent.rows(model, after_seq, up_to_seq)

    def profiled(self, model: str, up_to_seq: int) -> None:
        """Say that `recent` will not be asked for seqs up to this one again."""
        self._recent.forget(model, up_to_seq)

    def tail(self, model: str, after_seq: int, up_to_seq: int | None = None) -> Iterator[pa.Table]:
        """Yield canonical rows and ``_seq`` after a seq, in order, at most 50,000 seqs at a time."""
        end = self.last_seq(model) if up_to_seq is None else up_to_seq
        listed = names(tables.columns(self._catalog.model(model).schema))
        statement = f"SELECT _seq, {listed} FROM {tables.captured(model)} WHERE _seq > ? AND _seq <= ? ORDER BY _seq"  # noqa: S608
        for start in range(after_seq, end, _BATCH):
            yield self._database.query(statement, [start, min(start + _BATCH, end)])

    def narrow(self, model: str, after_seq: int, up_to_seq: int) -> pa.Table:
        """Return what is left of the rows of some seqs that are not kept, with the model's segment features."""
        found = self._catalog.model(model)
        columns = [name for name in tables.narrow_columns(found.schema) if not name.startswith(("_segments", "_why"))]
        wanted = [name for name in found.segments if found.schema.feature(name)]
        values = [f"{segment_value(name, found.schema)} AS {quote(name)}" for name in wanted]
        return self._database.query(
            f"SELECT {', '.join([names(columns), *values])} FROM {tables.narrow(model)} "  # noqa: S608 - quoted
            "WHERE _seq > ? AND _seq <= ? ORDER BY _seq",
            [after_seq, up_to_seq],
        )

    def hours(self, model: str, after_seq: int, up_to_seq: int) -> list[datetime]:
        """Return the hours in which the rows of the seqs in (after_seq, up_to_seq] were predicted, ascending."""
        self._catalog.model(model)
        found = self._database.query(
            f"SELECT DISTINCT date_trunc('hour', _time) AS hour FROM {self.every(model, '_seq, _time')} "  # noqa: S608 - quoted
            "WHERE _seq > ? AND _seq <= ? ORDER BY hour",
            [after_seq, up_to_seq],
        )
        hours: list[datetime] = found.column(0).to_pylist()
        return hours

    def first_seq(self, model: str, versions: Sequence[str]) -> int | None:
        """Return the first seq of the rows of some versions; None where there is no such row."""
        found = self._database.query(
            f"SELECT min(_seq) AS seq FROM {self.every(model, '_seq, _version')} WHERE _version = ANY(?)",  # noqa: S608 - quoted
            [list(versions)],
        )
        seq: int | None = found.column(0)[0].as_py()
        return seq


def _publish(known: Known, last: int, added: list[tuple[KeyIndex, list[str], int]]) -> None:
    for index, ids, before in added:
        index.add(ids, span(before, len(ids)))
    known.last_seq = last


def label_table(
    ids: Sequence[str], versions: Sequence[str | None], values: Sequence[object], times: Sequence[object], now: object
) -> pa.Table:
    """Return labels as the table `Rows.commit` takes; ``values`` are all texts or all numbers."""
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "version": pa.array(versions, pa.string()),
            "value": pa.array(values),
            "time": pa.array(times, UTC_TIME),
            "received": pa.repeat(pa.scalar(now, UTC_TIME), len(ids)),
        }
    )
