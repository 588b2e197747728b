"""What is kept of texts, images, embeddings and sequences: by the feature's ``store``, else by size.

By default a text is kept in full up to `TEXT_BYTES`, an image, embedding or sequence up to `ARRAY_BYTES`; beyond, its
summary is. Profiles and the content hash are the same whatever is kept.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.schema.columns import MISSING, Retyped, flag_non_finite_lists, number
from monitor.schema.fate import place
from monitor.schema.held import ARRAYS, HELD, Summary, array_of, entries, holds, summarise
from monitor.schema.notes import Notes, text
from monitor.types import Feature, Keep, Kind, ModelSchema

TEXT_BYTES, ARRAY_BYTES = 64 * 2**10, 256 * 2**10
"""Up to how many bytes of a value are kept by default; a number of an embedding or sequence has 8."""

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SHARE = 0.01
"""The share of ids of which a feature with ``store`` "sampled" is kept in full."""


def gathered(rows: Sequence[Mapping[str, object]], schema: ModelSchema) -> Sequence[Mapping[str, object]]:
    """Return rows in which ``name-0``, ``name-1`` … are again the list ``name`` where the schema has such a feature.

    Collectors make columns of a narrow matrix, for they do not know the schema.
    """
    lists = [feature.name for feature in schema.features if feature.kind in ARRAYS]
    return [_gathered(row, lists) for row in rows] if lists else rows


def _gathered(row: Mapping[str, object], lists: Sequence[str]) -> Mapping[str, object]:
    for name in lists:
        if name in row or f"{name}-0" not in row:
            continue
        width = next(place for place in range(len(row) + 1) if f"{name}-{place}" not in row)
        parts = [f"{name}-{place}" for place in range(width)]
        row = {key: value for key, value in row.items() if key not in set(parts)} | {
            name: [row[part] for part in parts]
        }
    return row


def array_column(values: Sequence[object], feature: Feature, notes: Notes) -> pa.Array:
    """Return the values of an image, embedding or sequence as they are held, noting the summary of each.

    An image is bytes, base64, any other text, or nested lists of numbers; an embedding or sequence is a list of
    numbers and nulls, nested or not. What is none of these becomes null, is flagged and kept in ``_extra``.
    """
    read = _image if feature.kind is Kind.IMAGE else _numbers
    out: list[object] = []
    found: list[Summary | None] = []
    for row, value in enumerate(values):
        if value is None or value is MISSING:
            if value is MISSING:
                notes.flag(row, f"missing:{feature.name}")
            out.append(None)
            found.append(None)
            continue
        try:
            held, summary = read(value)
        except Retyped:
            notes.retyped(row, feature.name, value)
            held, summary = None, None
        out.append(held)
        found.append(summary)
    notes.summarise(feature.name, found)
    array = pa.array(out, pa.binary() if feature.kind is Kind.IMAGE else pa.list_(pa.float64()))
    if feature.kind is not Kind.IMAGE:
        flag_non_finite_lists(array, feature.name, notes)
    return array


def _image(value: object) -> tuple[bytes, Summary]:
    if isinstance(value, str):
        try:
            content = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if content and base64.b64encode(content).decode() == value:
            return content, summarise(content, "bytes", [len(content)])
        content = text(value).encode()
        return content, summarise(content, "text", [len(text(value))])
    if isinstance(value, bytes):
        return value, summarise(value, "bytes", [len(value)])
    found = array_of(value)
    if found is None:
        raise Retyped
    content = np.ascontiguousarray(found, found.dtype.newbyteorder("<")).tobytes()
    return content, summarise(content, found.dtype.name, found.shape, found)


def _numbers(value: object) -> tuple[list[float | None], Summary]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        raise Retyped
    flat: list[object] = list(value)
    shape = [len(flat)]
    while flat and all(isinstance(item, list | tuple) for item in flat):
        widths = {len(item) for item in flat}  # type: ignore[arg-type]  # lists and tuples, as was just asked
        if len(widths) > 1 or len(shape) == 8:
            raise Retyped
        shape.append(widths.pop())
        flat = [inner for item in flat for inner in item]  # type: ignore[attr-defined]  # as above
    numbers = [None if item is None else number(item) for item in flat]
    known = np.array([np.nan if item is None else item for item in numbers], np.float64)
    return numbers, summarise(known.astype("<f8").tobytes(), "float64", shape, known)


def shapes(notes: Notes) -> dict[str, pa.Array]:
    """Return what of each array's shape and dtype its numbers or bytes do not say, for the content hash, by column."""
    found = {}
    for name, summaries in notes.summaries.items():
        said = [f"{s['dtype']}{s['shape']}" if s and len(s["shape"]) > 1 else None for s in summaries]
        if any(said):
            found[f"{name}.shape"] = pa.array(said, pa.string())
    return found


def by_policy(
    features: Sequence[pa.Array], ids: pa.Array, notes: Notes, schema: ModelSchema
) -> tuple[list[pa.Array], list[pa.Array]]:
    """Return the features with what is not kept of them as null, and the column ``_summary`` if the model has one."""
    if not holds(schema):
        return list(features), []
    kept, given = [], []
    for feature, array in zip(schema.features, features, strict=True):
        if feature.kind not in HELD:
            kept.append(array)
            continue
        sizes = _bytes(array, feature)
        full = _full(feature, sizes, ids) | np.asarray(array.is_null())
        found = notes.summaries.get(feature.name)
        if feature.kind is Kind.TEXT:
            found = [None if whole else _text(array[row].as_py()) for row, whole in enumerate(full)]
        if found is not None:
            given.append((feature.name, found))
        kept.append(array if full.all() else pa.array(array.to_pylist(), array.type, mask=~full))
    return kept, [entries(given, notes.rows)]


def _text(value: str) -> Summary:
    return summarise(value.encode(), "text", [len(value)])


def _bytes(array: pa.Array, feature: Feature) -> Ints:
    if feature.kind in (Kind.TEXT, Kind.IMAGE):
        offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
        lengths: Ints = np.diff(offsets).astype(np.int64)
        return lengths
    numbers: Ints = np.diff(array.offsets.to_numpy()).astype(np.int64) * 8
    return numbers


def _full(feature: Feature, sizes: Ints, ids: pa.Array) -> Bools:
    if feature.store is Keep.FULL:
        return np.ones(len(sizes), np.bool_)
    if feature.store is Keep.SUMMARY:
        return np.zeros(len(sizes), np.bool_)
    if feature.store is Keep.SAMPLED:
        return np.array([place(id_) < SHARE for id_ in ids.to_pylist()], np.bool_)
    return sizes <= (TEXT_BYTES if feature.kind is Kind.TEXT else ARRAY_BYTES)
