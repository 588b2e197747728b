"""A bounded, harmless sample for a page that is not ours: names and values that no markup can hide in."""

import unicodedata
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import Kind, ModelSchema, Task

ROWS: Final = 5_000
_LONGEST: Final = 60
_SAFE: Final = str.maketrans(
    {"<": "‹", ">": "›", "&": "＆", '"': "”", "'": "’", "`": "’", "\\": "⧵", "[": "(", "]": ")"}
)
_NUMBERS: Final = frozenset({Kind.NUMERIC, Kind.INTEGER})
_CATEGORIES: Final = frozenset({Kind.CATEGORICAL, Kind.BOOLEAN})


def harmless(text: object) -> str:
    """Return text in which nothing can start a tag, an entity, a string's end or a link.

    >>> harmless("</script><script>alert('x')")
    '‹/script›‹script›alert(’x’)'
    """
    shown = "".join("�" if unicodedata.category(each)[0] == "C" else each for each in str(text))
    shown = shown.translate(_SAFE)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def harmless_names(names: Sequence[str]) -> dict[str, str]:
    """Return a harmless name for each name, no two the same.

    >>> harmless_names(["a<", "a‹"])
    {'a<': 'a‹', 'a‹': 'a‹ (2)'}
    """
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        wanted, number = harmless(name), 1
        candidate = wanted
        while candidate in taken:
            number += 1
            candidate = f"{wanted} ({number})"
        taken.add(candidate)
        given[name] = candidate
    return given


def columns(schema: ModelSchema) -> tuple[list[str], list[str], dict[str, str]]:
    """Sort a model's columns into numbers, categories, and those left out with the reason."""
    numbers = [feature.name for feature in schema.features if feature.kind in _NUMBERS]
    categories = [feature.name for feature in schema.features if feature.kind in _CATEGORIES]
    left = {
        feature.name: f"{feature.kind.value} columns are not compared"
        for feature in schema.features
        if feature.kind not in _NUMBERS | _CATEGORIES
    }
    numbers.append("_score")
    if schema.task is not Task.REGRESSION:
        categories.append("_prediction")
    return numbers, categories, left


def prepare(rows: pa.Table, numbers: Sequence[str], categories: Sequence[str], names: dict[str, str]) -> pa.Table:
    """Return the rows as floats and harmless strings under harmless names; NaN and infinities become null."""
    prepared = {}
    for name in numbers:
        values = rows[name].cast(pa.float64())
        prepared[names[name]] = pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
    for name in categories:
        encoded = rows[name].combine_chunks().cast(pa.string()).dictionary_encode()
        safe = pa.array([harmless(value) for value in encoded.dictionary.to_pylist()], pa.string())
        prepared[names[name]] = safe.take(encoded.indices)
    return pa.table(prepared)
