"""What is remembered of one model's rows and labels: where ids are, and the last seq that is durable."""

from dataclasses import dataclass, field

import numpy as np

from monitor.store import tables
from monitor.store.database import Database
from monitor.store.keys import KeyIndex, Seqs

_BATCH = 500_000


@dataclass(slots=True)
class Known:
    """Where the ids of one model are, and how far it has come.

    Attributes:
        rows: the seqs of rows by their id, kept or not.
        labels: the seqs of labels by the id they are of.
        last_seq: the newest durable seq.
        thinned: whether records of rows that are not kept may be there.
    """

    rows: KeyIndex = field(default_factory=KeyIndex)
    labels: KeyIndex = field(default_factory=KeyIndex)
    last_seq: int = 0
    thinned: bool = False


def load(database: Database, model: str) -> Known:
    """Read it from a model's tables."""
    known = Known()
    known.last_seq = database.integer("SELECT max(up_to_seq) FROM profile_marks WHERE model = ?", [model])
    left = tables.narrow(model)
    known.thinned = database.integer(f"SELECT count(*) FROM (SELECT 1 FROM {left} LIMIT 1)") > 0  # noqa: S608 - quoted
    for index, table, seq, id_ in (
        (known.rows, tables.captured(model), "_seq", "_id"),
        *([(known.rows, left, "_seq", "_id")] if known.thinned else []),
        (known.labels, tables.labels(model), "seq", "id"),
    ):
        top = database.integer(f"SELECT max({seq}) FROM {table}")  # noqa: S608 - quoted
        for after in range(0, top, _BATCH):
            statement = f"SELECT {id_} AS id, {seq} AS seq FROM {table} WHERE {seq} > ? AND {seq} <= ?"  # noqa: S608
            part = database.query(statement, [after, after + _BATCH])
            index.add(part.column("id").to_pylist(), part.column("seq").to_numpy())
        known.last_seq = max(known.last_seq, top)
    return known


def span(last: int, rows: int) -> Seqs:
    """Return the seqs of so many rows behind a seq."""
    return np.arange(last + 1, last + 1 + rows, dtype=np.int64)
