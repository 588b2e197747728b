"""Make one Arrow column of Python values, exactly: a value of another type becomes null, a flag and a kept value.

Arrow's own conversion is not strict enough to lean on: it turns True into 1.0, 1.5 into the integer 1 and 5 into a
moment. So the set of Python types in a column is looked at first (10 ns a value); only when it is not the plain one
are the values looked at one by one.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import chain

import numpy as np
import pyarrow as pa

from monitor.schema.canonical import ARROW, NUMBERS
from monitor.schema.long_text import shortened
from monitor.schema.notes import Notes, text
from monitor.types import Kind

MISSING = object()
"""Stands for a value that was not sent at all."""

_NONE = type(None)
_PLAIN: dict[Kind, frozenset[type]] = {
    Kind.NUMERIC: frozenset({float, int, _NONE}),
    Kind.INTEGER: frozenset({int, _NONE}),
    Kind.BOOLEAN: frozenset({bool, _NONE}),
    Kind.CATEGORICAL: frozenset({str, _NONE}),
    Kind.TEXT: frozenset({str, _NONE}),
    Kind.IMAGE: frozenset({str, _NONE}),
    Kind.ID: frozenset({str, _NONE}),
    Kind.TIMESTAMP: frozenset({datetime, _NONE}),
    Kind.EMBEDDING: frozenset({list, tuple, _NONE}),
    Kind.SEQUENCE: frozenset({list, tuple, _NONE}),
}
_LISTS = (Kind.EMBEDDING, Kind.SEQUENCE)
SHORT = (Kind.CATEGORICAL, Kind.ID)
"""Kinds whose values are names of something: a long one is cut."""


class Retyped(Exception):
    """The value is of another type than its column."""


def column(values: Sequence[object], kind: Kind, name: str, notes: Notes) -> pa.Array:
    """Return ``values`` as the Arrow array of ``kind``, noting what did not fit under ``name``."""
    types = set(map(type, values))
    array = None
    if types <= _PLAIN[kind] and (kind not in _LISTS or _plain_lists(values)):
        try:
            array = pa.array(values, ARROW[kind])
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            array = None  # a huge integer or a lone surrogate: look at each value
    if array is None:
        array = pa.array(_one_by_one(values, kind, name, notes), ARROW[kind])
    if kind is Kind.NUMERIC:
        flag_non_finite(array, name, notes)
    elif kind in _LISTS:
        flag_non_finite_lists(array, name, notes)
    elif kind in SHORT:
        array = shortened(array, name, notes)
    return array


def flag_non_finite(array: pa.Array, name: str, notes: Notes) -> None:
    """Flag the rows of a float column that hold NaN or an infinity; the value stays as it is."""
    finite = np.isfinite(array.to_numpy(zero_copy_only=False))
    if np.count_nonzero(finite) + array.null_count < len(array):
        for row in np.flatnonzero(~finite & array.is_valid().to_numpy(zero_copy_only=False)):
            notes.flag(int(row), f"non_finite:{name}")


def flag_non_finite_lists(array: pa.Array, name: str, notes: Notes) -> None:
    """Flag the rows of a list column that hold a missing or non-finite number anywhere."""
    if not np.isfinite(array.values.to_numpy(zero_copy_only=False)).all():
        for row, items in enumerate(array.to_pylist()):
            if items is not None and any(item is None or not math.isfinite(item) for item in items):
                notes.flag(row, f"non_finite:{name}")


def _plain_lists(values: Sequence[object]) -> bool:
    inner = set(map(type, chain.from_iterable(item for item in values if isinstance(item, list | tuple))))
    return inner <= {float, int, _NONE}


def _one_by_one(values: Sequence[object], kind: Kind, name: str, notes: Notes) -> list[object]:
    read = _READERS[kind]
    out: list[object] = []
    for row, value in enumerate(values):
        if value is None or value is MISSING:
            if value is MISSING:
                notes.flag(row, f"missing:{name}")
            out.append(None)
            continue
        if isinstance(value, np.generic):
            value = value.item()  # noqa: PLW2901 - the same value as plain Python
        try:
            out.append(read(value))
        except Retyped:
            notes.retyped(row, name, value)
            out.append(None)
            continue
        if isinstance(value, str) and out[-1] != value and kind is not Kind.TIMESTAMP:
            notes.flag(row, f"surrogate:{name}")
    return out


def number(value: object) -> float:
    """Return a number as a float.

    Raises:
        Retyped: it is none, or an integer that a float cannot hold.
    """
    if type(value) is float or isinstance(value, float):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 1024:
        held = float(value) if value.bit_length() < 1024 else math.inf
        if held == value:  # an integer that a float cannot hold exactly is not one
            return held
    raise Retyped


def _integer(value: object) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)  # tensors carry whole rows as floats; 3.0 is the integer 3 without loss
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    raise Retyped


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Retyped


def _string(value: object) -> str:
    if isinstance(value, str):
        return text(value)
    raise Retyped


def moment(value: object) -> datetime:
    """Return a datetime, date or RFC 3339 text as an aware moment in UTC; without a zone it is taken as UTC.

    Raises:
        Retyped: it is none of these, or no moment a calendar knows.

    >>> moment("2013-05-01T00:00:00+02:00").isoformat()
    '2013-04-30T22:00:00+00:00'
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # 2026-13-45, or year 1 east of Greenwich
    raise Retyped


def _numbers(value: object) -> list[float | None]:
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    if isinstance(value, list | tuple):
        return [None if item is None else number(item) for item in value]
    raise Retyped


_READERS: dict[Kind, Callable[[object], object]] = {
    Kind.NUMERIC: number,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.CATEGORICAL: _string,
    Kind.TEXT: _string,
    Kind.IMAGE: _string,
    Kind.ID: _string,
    Kind.TIMESTAMP: moment,
    Kind.EMBEDDING: _numbers,
    Kind.SEQUENCE: _numbers,
}


def numbers(values: Sequence[object], name: str, notes: Notes) -> pa.Array:
    """Return lists of numbers as list<float64>, noting what did not fit."""
    array = column(values, Kind.SEQUENCE, name, notes)
    return array if array.type == NUMBERS else array.cast(NUMBERS)
