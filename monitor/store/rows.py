"""Captured rows and labels: committed together with their counts, found again by id, read back in order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import pyarrow as pa

from monitor.schema.held import ARRAYS
from monitor.store import outcomes, tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.keys import KeyIndex, Seqs
from monitor.store.known import Known, load, span
from monitor.store.ledger import Ledger
from monitor.store.letters import DeadLetter, Letters
from monitor.store.queries import Queries
from monitor.store.recent import Recent
from monitor.store.sql import UTC_TIME, names, quote
from monitor.types import LedgerLine, ModelSchema

_BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Committed:
    """The seqs given to what was committed (first > last if nothing was), and the number of its ledger group."""

    first_seq: int
    last_seq: int
    number: int


class Rows(Queries):
    """The captured rows and labels of every model; see `Queries` for reading them by content."""

    def __init__(self, database: Database, catalog: Catalog, ledger: Ledger, letters: Letters) -> None:
        super().__init__(database, catalog)
        self._ledger = ledger
        self._letters = letters
        self._loading = Lock()
        self._models: dict[str, Known] = {}
        self._recent = Recent()
        self._given: dict[str, int] = {}  # the last seq given in the running transaction
        database.on_loss(self._models.clear)
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

    def _known(self, model: str) -> Known:
        self._database.catch_up()
        known = self._models.get(model)
        if known is None:
            self._catalog.model(model)
            with self._loading, self._database.as_it_is():
                known = self._models.get(model) or load(self._database, model)
                self._models[model] = known
        return known

    def last_seq(self, model: str) -> int:
        """Return the newest durable seq of a model's rows and labels, 0 where there is none."""
        return self._known(model).last_seq

    def existing(self, model: str, ids: pa.Array | Sequence[str]) -> pa.Table:
        """Return (id, version, hash) of the captured rows that have one of ``ids``."""
        wanted = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else list(ids)
        seqs = self._known(model).rows.find(wanted)
        if not len(seqs):
            return pa.table(
                {
                    "id": pa.array([], pa.string()),
                    "version": pa.array([], pa.string()),
                    "hash": pa.array([], pa.int64()),
                }
            )
        statement = (
            "SELECT _id AS id, _version AS version, _hash AS hash "  # noqa: S608 - quoted
            f"FROM {self.every(model, '_seq, _id, _version, _hash')} "
            f"WHERE _seq IN (SELECT seq FROM candidates) AND _id IN (SELECT id FROM wanted)"
        )
        return self._database.query(statement, candidates=pa.table({"seq": seqs}), wanted=pa.table({"id": wanted}))

    def may_hold(self, model: str, ids: Iterable[str]) -> bool:
        """Return whether one of ``ids`` may be in the tables as they are; False is certain."""
        with self._database.as_it_is():
            return self._known(model).rows.holds(ids)

    def located(self, model: str, id: str) -> tuple[int, int] | None:  # noqa: A002 - the noun
        """Return the first and last seq that rows of an id can have, None where there is no such row.

        So that one row is found among many without reading them all.
        """
        seqs = self._known(model).rows.find([id])
        return (int(seqs[0]), int(seqs[-1])) if len(seqs) else None

    def label_history(self, model: str, ids: Sequence[str]) -> pa.Table:
        """Return (seq, id, version, value, time, received) of every label of these ids, oldest first."""
        seqs = self._known(model).labels.find(ids)
        statement = (
            f"SELECT * FROM {tables.labels(model)} WHERE seq IN (SELECT seq FROM candidates) "  # noqa: S608 - quoted
            f"AND id IN (SELECT id FROM wanted) ORDER BY seq"
        )
        wanted = pa.table({"id": pa.array(list(ids), pa.string())})
        return self._database.query(statement, candidates=pa.table({"seq": seqs}), wanted=wanted)

    def labels(self, model: str, id: str) -> list[dict[str, object]]:  # noqa: A002 - the noun
        """Return the labels one inference was given, oldest first: seq, id, version, value, time, received."""
        history: list[dict[str, object]] = self.label_history(model, [id]).to_pylist()
        return history

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

    def thinned(self, model: str) -> bool:
        """Return whether a model may have rows that are not kept, of which narrow records are left."""
        return self._known(model).thinned

    def thins(self, model: str) -> None:
        """Look at narrow records too from now on; said before there are any."""
        self._known(model).thinned = True

    def forget(self, model: str, seqs: Seqs) -> None:
        """Forget the ids of rows that are gone, so that memory is bounded by what is there."""
        self._known(model).rows.remove(seqs)

    def every(self, model: str, columns: str, segments: Sequence[str] = (), features: Sequence[str] = ()) -> str:
        """Return SQL for every row, kept or not, with these columns of our own and these features.

        With ``features`` there is ``_unkept`` too: of rows that are not kept these are null.
        """
        listed = [columns, *map(quote, segments), *map(quote, features), *(["false AS _unkept"] if features else [])]
        kept = f"SELECT {', '.join(listed)} FROM {tables.captured(model)}"  # noqa: S608 - quoted
        if not self.thinned(model):
            return f"({kept})"
        schema = self._catalog.model(model).schema
        values = [f"{segment_value(name, schema)} AS {quote(name)}" for name in segments]
        values += [*(f"NULL AS {quote(name)}" for name in features), *(["true AS _unkept"] if features else [])]
        return f"({kept} UNION ALL SELECT {', '.join([columns, *values])} FROM {tables.narrow(model)})"  # noqa: S608 - quoted

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


def segment_value(name: str, schema: ModelSchema) -> str:
    """Return SQL for the value of a segment feature in a narrow record, in the type of its column."""
    key = name.replace("'", "''")
    return f"CAST(_segments['{key}'] AS {tables.columns(schema)[name]})"


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
