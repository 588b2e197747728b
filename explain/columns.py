"""Captured rows as the columns that models read.

Every feature becomes one numpy array, by its kind:

* numeric, integer, boolean (0/1), timestamp (seconds since 1970, UTC): ``float64``, NaN for null;
* all other kinds: ``object`` arrays of ``str | None``; embeddings and sequences lists of floats or None, nested as they
  were sent; images base64 or nested lists. Models are asked with arrays instead of lists: see `asked`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.schema.held import ARRAYS, of_row, plain
from monitor.types import Feature, Kind, ModelSchema, Scalar

Column = npt.NDArray[Any]
"""One feature of n rows, shape [n]."""

NUMBERS = frozenset({Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.TIMESTAMP})
"""Kinds that models read as float64."""

PLAYABLE = NUMBERS | {Kind.CATEGORICAL, Kind.TEXT}
"""Kinds an explainer may replace by a background value; the others are held at the row's own value."""


def as_column(values: Iterable[object], feature: Feature) -> Column:
    """Turn the values of one feature into the array that models read.

    >>> as_column([1, None], Feature(name="seats", kind=Kind.INTEGER))
    array([ 1., nan])
    >>> as_column(["AA", None], Feature(name="carrier", kind=Kind.CATEGORICAL)).tolist()
    ['AA', None]
    """
    if feature.kind in NUMBERS:
        return np.fromiter((_number(value) for value in values), dtype=np.float64)
    items = list(values)
    column = np.empty(len(items), dtype=object)
    for index, value in enumerate(items):
        column[index] = value
    return column


def asked(column: Column, feature: Feature) -> Column:
    """Return a column as a model is asked: images, embeddings and sequences of one shape as one array [n, …].

    Numbers of embeddings and sequences are float64, with NaN for null. What is no array, such as an image file in
    base64, and rows of different shapes stay objects.

    >>> asked(as_column([[1, None], [3, 4]], FEATURE := Feature(name="x", kind=Kind.SEQUENCE)), FEATURE).tolist()
    [[1.0, nan], [3.0, 4.0]]
    """
    if feature.kind not in ARRAYS or column.dtype != object or not len(column):
        return column
    if any(not isinstance(value, list | tuple | np.ndarray) for value in column):
        return column
    try:
        found = np.asarray(column.tolist(), dtype=None if feature.kind is Kind.IMAGE else np.float64)
    except (TypeError, ValueError):
        return column
    return found if found.dtype.kind in "iufb" else column


def _number(value: object) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value)  # type: ignore[arg-type] # the captured batch is typed: what is no number is null in it


def from_row(row: Mapping[str, object], schema: ModelSchema) -> dict[str, Column]:
    """Return one captured row as columns of length 1; a feature the row lacks is null."""
    return {feature.name: as_column([row.get(feature.name)], feature) for feature in schema.features}


def from_table(table: pa.Table, schema: ModelSchema) -> dict[str, Column]:
    """Return the features of a captured batch as columns; a feature the batch lacks is null throughout."""
    present = set(table.column_names)
    held = [of_row({"_summary": given}) for given in table["_summary"].to_pylist()] if "_summary" in present else None

    def values(feature: Feature) -> list[object]:
        if feature.name not in present:
            return [None] * table.num_rows
        found: list[object] = table[feature.name].to_pylist()
        if held is None or feature.kind not in ARRAYS:
            return found
        return [plain(value, known.get(feature.name)) for value, known in zip(found, held, strict=True)]

    return {feature.name: as_column(values(feature), feature) for feature in schema.features}


def scalars(row: Mapping[str, object], schema: ModelSchema) -> dict[str, Scalar]:
    """Return what people read as the row's values: numbers, texts, None; times as ISO 8601, lists by their length."""
    values: dict[str, Scalar] = {}
    for feature in schema.features:
        value = row.get(feature.name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, list | tuple | np.ndarray):
            value = f"{len(value)} numbers"
        values[feature.name] = value if isinstance(value, float | int | bool | str) else None
    return values
