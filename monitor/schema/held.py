"""Values that are more than one number: texts, images, embeddings, sequences; what each is, and how it is read back.

An embedding or sequence is held as its numbers in row-major order, an image as bytes: those that were sent, or an
array's, in row-major order and little-endian. Its *summary* says the rest: shape and dtype (``text`` and ``bytes`` for
those that are no arrays), SHA-256, size (characters, bytes or numbers), mean, standard deviation, least and greatest
number, norm and the share of numbers that are not finite. It is kept with every image, embedding and sequence, and with
a text that is not kept itself.
"""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.types import Kind, ModelSchema

ARRAYS = frozenset({Kind.IMAGE, Kind.EMBEDDING, Kind.SEQUENCE})
"""Kinds of which every value has a summary."""

HELD = ARRAYS | {Kind.TEXT}
"""Kinds of which a value may be kept by its summary only."""

ENTRY = pa.struct(
    [
        ("sha256", pa.string()),
        ("shape", pa.list_(pa.int64())),
        ("dtype", pa.string()),
        ("bytes", pa.int64()),
        ("size", pa.int64()),
        *((name, pa.float64()) for name in ("mean", "std", "min", "max", "norm", "non_finite")),
    ]
)
SUMMARY = pa.map_(pa.string(), ENTRY)
"""The column ``_summary``: a row's summaries by feature."""

Summary: TypeAlias = dict[str, Any]
_MOST_DIMENSIONS = 8


def holds(schema: ModelSchema) -> bool:
    """Return whether a model has features of which only a summary may be kept."""
    return any(feature.kind in HELD for feature in schema.features)


def summarise(content: bytes, dtype: str, shape: Sequence[int], numbers: npt.NDArray[Any] | None = None) -> Summary:
    """Return the summary of one value.

    Args:
        content: its bytes.
        dtype: what they are: ``text``, ``bytes``, or the numpy name of an array's numbers.
        shape: how many of them; of several dimensions for an array.
        numbers: the numbers of an array.

    >>> found = summarise(b"", "float64", [2, 2], np.array([3.0, 4.0, np.nan, 0.0]))
    >>> found["norm"], found["mean"], found["non_finite"]
    (5.0, 2.3333333333333335, 0.25)
    """
    found: Summary = {
        "sha256": hashlib.sha256(content).hexdigest(), "shape": list(shape), "dtype": dtype, "bytes": len(content),
        "size": math.prod(shape), "mean": None, "std": None, "min": None, "max": None, "norm": None,
        "non_finite": None,
    }  # fmt: skip
    if numbers is None or not numbers.size:
        return found
    values = numbers.astype(np.float64).ravel()
    finite = values[np.isfinite(values)]
    found["non_finite"] = 1 - len(finite) / len(values)
    if len(finite):
        with np.errstate(over="ignore", invalid="ignore"):  # squares of numbers near the largest are infinite
            figures = {
                "mean": finite.mean(), "std": finite.std(), "min": finite.min(), "max": finite.max(),
                "norm": np.sqrt(np.sum(finite * finite)),
            }  # fmt: skip
        found |= {name: float(value) for name, value in figures.items() if np.isfinite(value)}
    return found


def array_of(value: object) -> npt.NDArray[Any] | None:
    """Return nested lists of numbers as an array; None if they are ragged, empty inside, or hold anything else.

    >>> array_of([[1, 2], [3, 4]]).dtype, array_of([[1], [2, 3]]), array_of([[1.5, None]])
    (dtype('uint8'), None, None)
    """
    if isinstance(value, list | tuple) and _depth(value) > _MOST_DIMENSIONS:
        return None
    try:
        found = np.asarray(value)
    except (ValueError, OverflowError):
        return None
    if found.dtype.kind not in "iufb" or found.ndim == 0 or found.ndim > _MOST_DIMENSIONS:
        return None
    if found.dtype.kind in "iu":
        small = found.size and found.min() >= 0 and found.max() <= 255
        return found.astype(np.uint8 if small else np.int64) if found.dtype != np.uint64 else found
    return found


def _depth(value: object) -> int:
    depth = 0
    while isinstance(value, list | tuple) and value:
        depth, value = depth + 1, value[0]
    return depth


def entries(given: Sequence[tuple[str, Sequence[Summary | None]]], rows: int) -> pa.Array:
    """Return the column ``_summary`` of these summaries, by feature and row."""
    if not any(found is not None for _, column in given for found in column):
        return pa.nulls(rows, SUMMARY)
    return pa.array(
        [
            [(name, found) for name, column in given if (found := column[row]) is not None] or None
            for row in range(rows)
        ],
        SUMMARY,
    )


def of_row(row: Mapping[str, Any]) -> dict[str, Summary]:
    """Return a row's summaries by feature, as `pyarrow` or the store gives them."""
    given = row.get("_summary") or ()
    return dict(given.items() if isinstance(given, Mapping) else given)


def restored(row: Mapping[str, Any], schema: ModelSchema) -> dict[str, Any]:
    """Return a captured row with its images, embeddings and sequences as they were sent, in plain JSON values.

    Bytes are base64, arrays nested lists. What is kept by its summary only is None.
    """
    found, out = of_row(row), dict(row)
    for feature in schema.features:
        if feature.kind in ARRAYS and out.get(feature.name) is not None:
            out[feature.name] = plain(out[feature.name], found.get(feature.name))
    return out


def plain(value: object, summary: Summary | None) -> object:
    """Return one held value in plain JSON values; see `restored`.

    >>> plain([1.0, 2.0, 3.0, 4.0], {"shape": [2, 2], "dtype": "float64"})
    [[1.0, 2.0], [3.0, 4.0]]
    """
    value = held(value, summary)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def held(value: object, summary: Summary | None) -> object:
    """Return one held value as what it is: bytes, text, an array, or a list of numbers."""
    if isinstance(value, bytes):
        dtype = summary["dtype"] if summary else None
        if summary is None or dtype in ("text", "bytes"):
            try:
                return value if dtype == "bytes" else value.decode()
            except UnicodeDecodeError:
                return value
        return np.frombuffer(value, np.dtype(dtype).newbyteorder("<")).reshape(summary["shape"])
    if isinstance(value, list) and summary is not None and len(summary["shape"]) > 1:
        return _nested(value, summary["shape"])
    return value


def _nested(values: list[Any], shape: Sequence[int]) -> list[Any]:
    for size in reversed(shape[1:]):
        values = (
            [values[at : at + size] for at in range(0, len(values), size)] if size else [[] for _ in range(shape[0])]
        )
    return values


def summarised(row: Mapping[str, Any], schema: ModelSchema) -> list[str]:
    """Return the features of a row of which only the summary was kept."""
    found = of_row(row)
    return [feature.name for feature in schema.features if feature.name in found and row.get(feature.name) is None]
