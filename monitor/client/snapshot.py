"""Copy what a caller holds, cheaply and without knowing its library: lists, NumPy, torch, pandas and Arrow columns.

Copies are made at once, because callers go on to change what is theirs; turning them into rows waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Any

_POINTER = 8
_LISTS = (list, tuple)
_NUMBERS = frozenset({int, float, bool, type(None)})
_TEXT = {str}
_SINGLE = _NUMBERS | _TEXT


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Copied values: columns by name, one matrix, a list of records, or one bare column."""

    rows: int
    size: int
    columns: Mapping[str, Any] | None = None
    records_: Sequence[Mapping[str, object]] | None = None
    matrix: Any = None
    names: Sequence[str] | None = None

    def records(self) -> Iterator[Mapping[str, object]]:
        """Make one mapping of feature to value per row."""
        if self.records_ is not None:
            yield from self.records_
        elif self.columns is not None:
            names = tuple(self.columns)
            for row in zip(*(plain(values) for values in self.columns.values()), strict=True):
                yield dict(zip(names, row, strict=True))
        else:
            for row in plain(self.matrix):
                values = row if isinstance(row, list | tuple) else [row]
                names = tuple(self.names or (f"input-{place}" for place in range(len(values))))
                yield dict(zip(names, values, strict=True))

    def answers(self, rows: int) -> Iterator[Mapping[str, object]]:
        """Make one mapping with ``scores`` or ``prediction`` or both per row.

        Raises:
            ValueError: there are not as many answers as ``rows``, or they have other names.
        """
        if self.records_ is not None:
            columns: Mapping[str, Any] = {name: [value] for name, value in self.records_[0].items()}
        else:
            columns = self.columns if self.columns is not None else {"": self.matrix}
        if not columns.keys() <= {"scores", "prediction", ""}:
            raise ValueError(f"outputs: got {sorted(columns)}; scores and prediction are allowed")
        made = {}
        for name, values in columns.items():
            listed = plain(values)
            if len(listed) != rows:
                raise ValueError(f"outputs: got {len(listed):,} for {rows:,} rows; they must be as many")
            first = next((value for value in listed if value is not None), None)
            named = name or ("scores" if isinstance(first, float | list | tuple) else "prediction")
            if named == "scores":
                listed = [[value] if isinstance(value, float | int) else value for value in listed]
            made[named] = listed
        for row in zip(*made.values(), strict=True):
            yield dict(zip(made, row, strict=True))


def take_inputs(inputs: Any, names: Sequence[str] | None = None) -> Snapshot:
    """Copy what a model was given: a mapping of columns (or of one row's values), records, or a 2-D array.

    Raises:
        TypeError, ValueError: it is none of these, or its columns differ in length.

    >>> list(take_inputs({"temp": [20.5, 21.0], "carrier": ["AA", "UA"]}).records())
    [{'temp': 20.5, 'carrier': 'AA'}, {'temp': 21.0, 'carrier': 'UA'}]
    """
    columns = _columns(inputs)
    if columns is not None:
        return _take_columns(columns)
    copied, rows, size = take_column(inputs)
    if rows and isinstance(copied, list) and isinstance(copied[0], Mapping):
        records = [dict(record) for record in copied]
        size += sum(map(_record_size, records))
        return Snapshot(rows, size, records_=records)
    return Snapshot(rows, size, matrix=copied, names=names)


def take_outputs(outputs: Any) -> Snapshot:
    """Copy what a model answered: ``{"scores": …, "prediction": …}``, an array or list, or one value."""
    columns = _columns(outputs)
    if columns is not None:
        return _take_columns({name: values for name, values in columns.items() if values is not None})
    copied, rows, size = take_column(outputs if _is_many(outputs) else [outputs])
    return Snapshot(rows, size, matrix=copied)


def take_column(values: Any) -> tuple[Any, int, int]:
    """Return a copy of one column, how many rows it has, and about how many bytes it takes."""
    if type(values) not in _LISTS:
        if hasattr(values, "detach"):  # a torch tensor: off the graph and off the device
            values = values.detach().cpu().numpy()
        if hasattr(values, "to_pylist"):  # Arrow: immutable already
            return values, len(values), values.nbytes
        if hasattr(values, "dtype") and hasattr(values, "copy"):
            copied = values.copy()
            rows = len(copied) if getattr(copied, "ndim", 1) else 1
            return copied, rows, copied.nbytes + (64 * copied.size if copied.dtype == object else 0)
    listed = list(values)
    types = set(map(type, listed))
    if not types.isdisjoint(_LISTS):
        listed = [list(value) if type(value) in _LISTS else value for value in listed]
    return listed, len(listed), _weight(listed, types)


def plain(values: Any) -> Sequence[Any]:
    """Return a column as a list of Python's own values."""
    if hasattr(values, "to_pylist"):
        return values.to_pylist()  # type: ignore[no-any-return]
    if hasattr(values, "tolist"):
        if getattr(values.dtype, "str", "")[1:] == "M8[ns]":
            values = values.astype("M8[us]")  # NumPy lists nanoseconds as integers, microseconds as moments
        listed = values.tolist()
        return listed if isinstance(listed, list) else [listed]
    return values  # type: ignore[no-any-return]


def _columns(given: Any) -> Mapping[str, Any] | None:
    if isinstance(given, Mapping):
        return given
    names = getattr(given, "column_names", None)  # an Arrow table or batch
    if names is not None:
        return {name: given.column(name) for name in names}
    names = getattr(given, "columns", None)  # a data frame
    return None if names is None else {str(name): given[name] for name in names}


def _take_columns(columns: Mapping[str, Any]) -> Snapshot:
    if columns and _SINGLE.issuperset(map(type, columns.values())):  # one row, the commonest call of all
        return Snapshot(1, _record_size(columns), records_=[{str(name): value for name, value in columns.items()}])
    taken, rows, size = {}, -1, 0
    for name, values in columns.items():
        copied, count, weight = take_column(values if _is_many(values) else [values])
        if rows not in (-1, count):
            raise ValueError(f"column {str(name)[:80]!r} has {count:,} rows, those before it {rows:,}")
        taken[str(name)] = copied
        rows = count
        size += weight + 64
    return Snapshot(max(rows, 0), size, columns=taken)


def _is_many(values: Any) -> bool:
    if type(values) in _LISTS:
        return True
    return hasattr(values, "__len__") and not isinstance(values, str | bytes) and getattr(values, "ndim", 1) > 0


def _record_size(record: Mapping[str, Any]) -> int:
    return sum(map(getsizeof, record.values())) + 64 * len(record)


def _weight(values: list[Any], types: set[type]) -> int:
    """Return about how many bytes a list and what it holds take; exact enough to bound the queue."""
    if types <= _NUMBERS:
        return (_POINTER + 32) * len(values)
    if types == _TEXT:
        return (_POINTER + 49) * len(values) + sum(map(len, values))
    inner = sum(40 * len(value) for value in values if type(value) is list)
    return _POINTER * len(values) + sum(map(getsizeof, values)) + inner
