"""The few things every statement needs: quoted names, and times that are naive in DuckDB and aware outside."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")
"""The type of every time outside the store."""

_NAIVE_TIME = pa.timestamp("us")


def quote(name: str) -> str:
    """Return ``name`` as an SQL identifier that cannot end early.

    >>> print(quote('a"; drop'))
    "a""; drop"
    """
    return '"' + name.replace('"', '""') + '"'


def names(columns: Iterable[str]) -> str:
    """Return a comma-separated list of quoted column names.

    >>> print(names(["_id", "dep delay"]))
    "_id", "dep delay"
    """
    return ", ".join(quote(column) for column in columns)


def inward(table: pa.Table) -> pa.Table:
    """Return ``table`` with aware times as naive UTC, the way DuckDB keeps them."""
    return _retime(table, aware=True, to=_NAIVE_TIME)


def outward(table: pa.Table) -> pa.Table:
    """Return ``table`` with naive times read as UTC."""
    return _retime(table, aware=False, to=UTC_TIME)


def _retime(table: pa.Table, *, aware: bool, to: pa.DataType) -> pa.Table:
    for position, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and (field.type.tz is not None) == aware:
            table = table.set_column(position, field.name, table.column(position).cast(to))
    return table


def naive(time: datetime | None) -> datetime | None:
    """Return an aware time as naive UTC, to be bound to a statement."""
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)
