"""JSON rows, JSON columns and CSV into columns of one value a row, as `Half` holds them.

One value is a number, a text, a boolean or null, or the numbers of a row's tensor: a list, nested where a row has
several dimensions. Texts and booleans in lists become columns of their own, ``name-0``, ``name-1`` …; what fits nowhere
is kept as its JSON.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.collectors.pairing import WIDEST_MATRIX, is_nested
from monitor.errors import InvalidInput
from monitor.types import Scalar

Values = list[Scalar | list[float]]
Columns = dict[str, Values]

_MAX_DEPTH = 16
_FREE_PLACES = 2_000_000
_SCALARS = frozenset({float, int, bool, str, type(None)})
_NUMBERS = frozenset({float, int, type(None)})


def of_rows(rows: Sequence[Any], name: str) -> Columns:
    """Return the columns of rows: objects give a column per key, anything else the column ``name``.

    Raises:
        InvalidInput: the rows share so few keys that their table would be nearly empty.

    >>> of_rows([{"a": 1, "b": [1.0, 2.0]}, {"a": "x"}], "input")
    {'a': [1, 'x'], 'b': [[1.0, 2.0], None]}
    >>> of_rows([[0.5], [0.25]], "output"), of_rows([["a", True]], "input")
    ({'output': [0.5, 0.25]}, {'input-0': ['a'], 'input-1': [True]})
    """
    if not rows or not all(type(row) is dict and row.keys() != {"b64"} for row in rows):
        return column(name, rows)
    names = list(dict.fromkeys(key for row in rows for key in row))
    check_filled(len(rows), len(names), sum(map(len, rows)))
    return joined(column(key, [row.get(key) for row in rows]) for key in names)


def of_columns(columns: Mapping[str, Any]) -> Columns:
    """Return named tensors as columns, their first dimension being the rows; a scalar holds for every row.

    Tensors of different first dimensions have no rows to share: then all of it is one row.

    >>> of_columns({"a": [[1, 2], [3, 4]], "b": [0.5, 1.5], "keep": 1.0})
    {'a': [[1, 2], [3, 4]], 'b': [0.5, 1.5], 'keep': [1.0, 1.0]}
    >>> of_columns({"a": [1, 2], "b": [0.5]})
    {'a': [[1, 2]], 'b': [0.5]}
    """
    lists = {name: values for name, values in columns.items() if type(values) is list}
    counts = set(map(len, lists.values()))
    if len(counts) > 1:
        return joined(column(name, [values]) for name, values in columns.items())
    rows = next(iter(counts), 1)
    check_filled(rows, len(columns), rows * len(lists) + len(columns))
    return joined(
        column(name, lists[name]) if name in lists else repeated(name, columns[name], rows) for name in columns
    )


def repeated(name: str, value: Any, rows: int) -> Columns:
    """Return the column or columns of one value that holds for every row; it is read once, not once a row."""
    return {title: values * rows for title, values in column(name, [value]).items()}


def check_filled(rows: int, columns: int, given: int) -> None:
    """Refuse a table that would be nearly empty, or be filled by few values: it costs more than was sent.

    Raises:
        InvalidInput: its places are many more than the values given.
    """
    if rows * columns > 8 * given + _FREE_PLACES:
        raise InvalidInput(
            f"{rows:,} rows of {columns:,} keys hold only {given:,} values; rows that share their keys are allowed"
        )


def column(name: str, values: Sequence[Any]) -> Columns:
    """Return one column, or as many as its rows' lists of texts have places."""
    widths = {len(value) if type(value) is list else -1 for value in values}
    if len(widths) == 1 and 0 < (width := widths.pop()) <= WIDEST_MATRIX:
        types = {type(item) for value in values for item in value}
        if width == 1 and types <= _SCALARS:
            return {name: [value[0] for value in values]}
        if types <= _SCALARS and not types <= _NUMBERS:
            return {f"{name}-{place}": [value[place] for value in values] for place in range(width)}
    cells = [_cell(value) for value in values]
    if cells and all(type(value) is list and len(value) == 1 and not is_nested(value) for value in cells):
        return {name: [value[0] for value in cells if isinstance(value, list)]}
    return {name: cells}


def joined(parts: Iterable[Columns]) -> Columns:
    """Return all columns in one mapping.

    Raises:
        InvalidInput: two have one name.
    """
    out: Columns = {}
    for part in parts:
        for name, values in part.items():
            if name in out:
                raise InvalidInput(f"two columns are named {name[:80]!r}; names must be unique")
            out[name] = values
    return out


def named(columns: Columns, headers: Mapping[str, str]) -> Columns:
    """Return the columns under the names that the header ``watchglass-columns`` gives, by commas or as a JSON array.

    The names are those of a matrix's columns, or of all columns in order.

    Raises:
        InvalidInput: there are not as many names as columns.

    >>> named({"input": [[1.0, 2.0]]}, {"watchglass-columns": "temp,wind"})
    {'temp': [1.0], 'wind': [2.0]}
    """
    given = headers.get("watchglass-columns")
    if given is None or not any(columns.values()):
        return columns
    names = _names(given)
    values = next(iter(columns.values()))
    if len(columns) == 1 and all(isinstance(value, list) and not is_nested(value) for value in values):
        widths = {len(value) for value in values if isinstance(value, list)}
        if widths == {len(names)}:
            return {name: [row[place] for row in values] for place, name in enumerate(names)}  # type: ignore[index]
    if len(columns) != len(names):
        raise InvalidInput(f"watchglass-columns has {len(names)} names for {len(columns)} columns; give one for each")
    return dict(zip(names, columns.values(), strict=True))


def _names(given: str) -> list[str]:
    try:
        names = json.loads(given) if given.startswith("[") else [part.strip() for part in given.split(",")]
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"watchglass-columns is {given[:80]!r}; names by commas or a JSON array of them are allowed")
    if len(set(names)) < len(names):
        raise InvalidInput("watchglass-columns has a name twice; names must be unique")
    return names


def flatten(data: list[Any]) -> list[Any] | None:
    """Return nested lists in row-major order; None if they are ragged or nested too deep.

    >>> flatten([[1, 2], [3, 4]]), flatten([[1], 2])
    ([1, 2, 3, 4], None)
    """
    for _ in range(_MAX_DEPTH):
        nested = [type(item) is list for item in data]
        if not any(nested):
            return data
        if not all(nested) or len(set(map(len, data))) > 1:
            return None
        data = [item for inner in data for item in inner]
    return None


def shaped(value: list[Any], flat: list[Any]) -> list[Any]:
    """Return a row's array as it is nested, or flat where it is one line of few numbers however it was written.

    >>> shaped([[1, 2], [3, 4]], [1, 2, 3, 4]), shaped([[1, 2]], [1, 2])
    ([[1, 2], [3, 4]], [1, 2])
    """
    sizes: list[int] = []
    inner: Any = value
    while type(inner) is list:
        sizes.append(len(inner))
        inner = inner[0] if inner else None
    line = sum(size != 1 for size in sizes) < 2 and len(flat) <= WIDEST_MATRIX
    return flat if line or len(sizes) == 1 else value


def text_of(value: object) -> str:
    """Return a value's JSON, to keep what has no other place.

    Raises:
        InvalidInput: it is nested too deep to be written.
    """
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        raise InvalidInput("a value is nested too deep") from None


def text_of_bytes(content: bytes) -> str:
    """Return bytes as text: themselves if they are UTF-8, else their base64."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def from_base64(text: object) -> bytes:
    """Return the bytes of a base64 text.

    Raises:
        InvalidInput: it is not base64.
    """
    try:
        return base64.b64decode(text if isinstance(text, str | bytes) else b"-", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{str(text)[:40]!r} is not base64; text of the standard alphabet is allowed") from None


def _cell(value: Any) -> Scalar | list[float]:
    kind = type(value)
    if kind in _SCALARS:
        return value  # type: ignore[no-any-return]
    if kind is dict and value.keys() == {"b64"}:
        return text_of_bytes(from_base64(value["b64"]))
    if kind is list:
        flat = flatten(value)
        if flat is not None and _NUMBERS.issuperset(map(type, flat)):
            return shaped(value, flat)
    return text_of(value)
