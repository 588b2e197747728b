"""Guess a model's schema from a table of what it is given; the owner may correct any of it."""

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import InvalidInput
from monitor.schema.documents import schema_from_dict, schema_to_dict
from monitor.types import Kind, ModelSchema, Task

MOST_CATEGORIES = 1_000
"""A text column with at most this many distinct values is categorical, however few its rows."""
CATEGORY_SHARE = 0.05
"""So is one whose distinct values are at most this share of its rows."""


def infer_schema(
    table: pa.Table,
    *,
    model: str,
    task: Task,
    target: str | None = None,
    classes: Sequence[str] = (),
    features: Mapping[str, Mapping[str, object]] | None = None,
    exclude: Collection[str] = (),
    threshold: float = 0.5,
    target_unit: str = "",
) -> ModelSchema:
    """Return a schema with one feature per column of ``table``.

    Integers stay integers however few their values; texts are categorical with at most 1,000 distinct values or at
    most 5 % as many as rows, else text; lists of numbers are embeddings.

    Args:
        table: rows as the model is given them, and possibly the target.
        model: the model's name.
        task: what it predicts.
        target: the column with the truth; not a feature.
        classes: the classes, for a binary task (negative, positive); found in the target if not given, in sorted
            order, which is what False/True, 0/1 and "no"/"yes" mean by themselves.
        features: what people know better, by column: any of ``kind``, ``unit``, ``title``, ``description`` and
            ``protected``.
        exclude: columns that are no features (ids, times, predictions). Names with a leading underscore are none.
        threshold: from which score on the positive class is predicted.
        target_unit: the unit of the target, for regressions.

    Raises:
        InvalidInput: a column holds what no kind can hold, a correction names no column, or the classes cannot be
            told.

    >>> table = pa.table({"temp": [1.5], "carrier": ["AA"], "late": [True]})
    >>> schema = infer_schema(table, model="flights", task=Task.BINARY, target="late", classes=("no", "yes"))
    >>> [(feature.name, feature.kind.value) for feature in schema.features]
    [('temp', 'numeric'), ('carrier', 'categorical')]
    """
    known = features or {}
    names = [name for name in table.column_names if name != target and name not in exclude and not name.startswith("_")]
    for name in known:
        if name not in names:
            raise InvalidInput(f"features: {name!r} is no feature of the table; its features are {', '.join(names)}")
    documents = []
    for name in names:
        given = dict(known.get(name, {}))
        kind = given.pop("kind", None) or _kind(name, table.column(name))
        documents.append({"name": name, "kind": kind, **given})
    found = tuple(classes) or _classes(table, task, target)
    draft = ModelSchema(
        model=model, task=task, features=(), classes=found, threshold=threshold, target=target or "target",
        target_unit=target_unit,
    )  # fmt: skip
    return schema_from_dict({**schema_to_dict(draft), "features": documents})


def _kind(name: str, column: pa.ChunkedArray) -> Kind:
    held = column.type
    if pa.types.is_dictionary(held):
        return Kind.CATEGORICAL
    if pa.types.is_boolean(held):
        return Kind.BOOLEAN
    if pa.types.is_integer(held):
        return Kind.INTEGER
    if pa.types.is_floating(held) or pa.types.is_decimal(held) or pa.types.is_null(held):
        return Kind.NUMERIC
    if pa.types.is_timestamp(held) or pa.types.is_date(held):
        return Kind.TIMESTAMP
    if pa.types.is_string(held) or pa.types.is_large_string(held):
        distinct = pc.count_distinct(column).as_py()
        return Kind.CATEGORICAL if distinct <= max(MOST_CATEGORIES, CATEGORY_SHARE * len(column)) else Kind.TEXT
    lists = pa.types.is_list(held) or pa.types.is_large_list(held) or pa.types.is_fixed_size_list(held)
    if lists and (pa.types.is_floating(held.value_type) or pa.types.is_integer(held.value_type)):
        return Kind.EMBEDDING
    raise InvalidInput(
        f"column {name!r} holds {held}; numbers, texts, booleans, moments and lists of numbers are allowed: "
        "convert it, or leave it out"
    )


def _classes(table: pa.Table, task: Task, target: str | None) -> tuple[str, ...]:
    if task in (Task.REGRESSION, Task.RANKING):
        return ()
    if target is not None and target in table.column_names:
        values = pc.unique(table.column(target)).drop_null().to_pylist()
        found = tuple(str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in sorted(values))
        if len(found) >= 2 and (task is Task.MULTICLASS or len(found) == 2):
            return found
        raise InvalidInput(f"classes: the target {target!r} holds {len(found)} of them; name the classes yourself")
    if task is Task.BINARY:
        return ("0", "1")
    raise InvalidInput("classes: a multiclass task needs them named, or a target column that holds them all")
