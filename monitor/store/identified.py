"""Rows and labels found by their ids, kept or not, at a cost that does not grow with how many there are."""

from collections.abc import Iterable, Sequence
from threading import Lock

import pyarrow as pa

from monitor.store import tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.keys import Seqs
from monitor.store.known import Known, load
from monitor.store.queries import Queries
from monitor.store.sql import quote
from monitor.types import ModelSchema


class Identified(Queries):
    """What is remembered of every model's ids, and what is asked by them; see `Queries` for reading by content."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        super().__init__(database, catalog)
        self._loading = Lock()
        self._models: dict[str, Known] = {}
        database.on_loss(self._models.clear)

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


def segment_value(name: str, schema: ModelSchema) -> str:
    """Return SQL for the value of a segment feature in a narrow record, in the type of its column."""
    key = name.replace("'", "''")
    return f"CAST(_segments['{key}'] AS {tables.columns(schema)[name]})"
