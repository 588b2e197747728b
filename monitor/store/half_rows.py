"""Halves and complete exchanges as rows of their tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from monitor.store.database import Database
from monitor.store.half import KeptHalf, Paired
from monitor.store.keys import Seqs
from monitor.store.sql import UTC_TIME, naive, names

_FEW = 20
COLUMNS = {
    "seq": pa.int64(),
    "model": pa.string(),
    "source": pa.string(),
    "exchange": pa.string(),
    "side": pa.string(),
    "digest": pa.int64(),
    "rows": pa.int32(),
    "time": UTC_TIME,
    "received": UTC_TIME,
    "note": pa.string(),
    "body": pa.binary(),
}
PAIRED = {name: COLUMNS[name] for name in ("seq", "model", "source", "exchange")} | {
    "request": pa.int64(),
    "response": pa.int64(),
    "paired": UTC_TIME,
}


def insert(
    database: Database, table: str, rows: Sequence[KeptHalf | Paired], types: Mapping[str, pa.DataType], seqs: Seqs
) -> None:
    """Write rows, each with its seq, to their table.

    Args:
        database: in a transaction.
        table: ``halves`` or ``exchanges``.
        rows: what to write.
        types: `COLUMNS` or `PAIRED`, of that table.
        seqs: [rows].
    """
    if len(rows) > _FEW:
        database.insert(table, _table(rows, types, seqs))
    elif rows:
        # A table of Arrow's for a row or two takes DuckDB thrice as long as the values themselves.
        values = [[seq, *_values(row, types)] for seq, row in zip(seqs.tolist(), rows, strict=True)]
        places = ", ".join([f"({', '.join('?' * len(types))})"] * len(rows))
        statement = f"INSERT INTO {table} ({names(types)}) VALUES {places}"  # noqa: S608 - fixed names
        database.write(statement, [value for row in values for value in row])


def _values(row: KeptHalf | Paired, types: Mapping[str, pa.DataType]) -> list[object]:
    given = [getattr(row, name) for name in types if name != "seq"]
    return [naive(value) if isinstance(value, datetime) else value for value in given]


def _table(rows: Sequence[KeptHalf | Paired], types: Mapping[str, pa.DataType], seqs: Seqs) -> pa.Table:
    columns = {
        name: pa.array([getattr(row, name) for row in rows], kind) for name, kind in types.items() if name != "seq"
    }
    return pa.table({"seq": seqs, **columns})
