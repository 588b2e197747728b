"""The background: the few rows that stand for "a usual row" in an explanation, always the same for the same reference.

Rows are drawn from the model version's reference, stratified by score and ordered by a hash of their id, so that the
choice depends on neither the order nor the number of look-ups. Where the version has no reference, another version's
serves, or else rows captured up to the one that is explained; ``source`` says which. The very first row of texts,
images or sequences has none: their parts have an absent value of their own. On demand, only rows like the explained one
in some column are taken: what is then found is why it differs from those.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from explain.columns import Column, from_table
from explain.files import digest
from monitor.errors import InvalidInput
from monitor.schema.held import ARRAYS
from monitor.types import Kind, Model, ModelSchema, Scalar, Version, Window

if TYPE_CHECKING:
    from monitor.store import Store

ROWS = 100
"""How many rows a background has at most: what the shap library itself advises."""

STRATA = 10

CONTINUOUS = frozenset({Kind.NUMERIC, Kind.INTEGER, Kind.TIMESTAMP})
"""Kinds of which rows are alike in the same tenth."""

CANDIDATES = 5_000

FILLED = frozenset({Kind.TEXT, Kind.IMAGE, Kind.SEQUENCE})
"""Kinds whose parts can be absent without any other row."""

OF_REFERENCE = "reference of version"
"""How a source begins whose rows are kept with their hash: see `monitor.store.backgrounds`."""

NONE_YET = "no other rows: there is no reference, and nothing was captured before"


@dataclass(frozen=True, slots=True)
class Background:
    """The rows, as columns; the sha256 of their values; and where they are from."""

    columns: Mapping[str, Column]
    rows: int
    hash: str
    source: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """Rows like the explained one: those with its value of one column; of a number, those in its tenth."""

    feature: str
    value: Scalar


LEAST_ALIKE = 10
"""A cohort of fewer rows is no background."""


def cohort(name: str, row: Mapping[str, object], schema: ModelSchema) -> Cohort:
    """Return the rows like a captured one in one column.

    Raises:
        InvalidInput: there is no such column, or rows cannot be alike in it.
    """
    feature = schema.feature(name)
    if feature is None or feature.kind in ARRAYS:
        fit = ", ".join(each.name for each in schema.features if each.kind not in ARRAYS)
        raise InvalidInput(f"rows cannot be alike in {name!r}; a cohort is by one of: {fit}")
    value = row.get(name)
    if isinstance(value, datetime):
        value = value.timestamp()
    return Cohort(name, value if isinstance(value, float | int | bool | str) else None)


def background(
    store: "Store", model: Model, version: Version, until: datetime, *, seed: int = 0, cohort: Cohort | None = None
) -> Background:
    """Return the background for explaining a row of ``version`` captured at ``until``.

    Args:
        store: where rows are.
        model: the row's model.
        version: the row's version.
        until: when it was captured.
        seed: another seed chooses other rows.
        cohort: take only rows like the explained one.

    Raises:
        InvalidInput: there is neither a reference nor an earlier captured row of a model that needs them, or too few
            are alike.
    """
    table, source = _candidates(store, model, version, until, seed)
    if cohort is not None:
        table = alike(table, model.schema, cohort)
        source = f"{source}, {table.num_rows:,} rows with {cohort.feature} like this one's"
        if table.num_rows < LEAST_ALIKE:
            raise InvalidInput(
                f"only {table.num_rows} rows have {cohort.feature} like this one's, and {LEAST_ALIKE} are needed; "
                "leave the cohort out, or take another column"
            )
    chosen = table.take(pa.array(stratified(table, ROWS, seed), pa.int64()))
    columns = from_table(chosen, model.schema)
    values = [(name, column.tolist()) for name, column in sorted(columns.items())]
    return Background(columns, chosen.num_rows, digest(msgspec.json.encode(values)), source)


def alike(table: pa.Table, schema: ModelSchema, cohort: Cohort) -> pa.Table:
    """Return the rows of a batch that are of a cohort: of the same value, or of the same tenth of its numbers."""
    feature = schema.feature(cohort.feature)
    column = from_table(table, schema)[cohort.feature]
    if feature is None or feature.kind not in CONTINUOUS:
        value = float(cohort.value) if isinstance(cohort.value, bool) else cohort.value
        kept = np.isnan(column) if value is None and column.dtype.kind == "f" else np.asarray(column == value)
    elif cohort.value is None or np.isnan(column).all():
        kept = np.isnan(column)
    else:
        edges = np.nanquantile(column, np.linspace(0, 1, STRATA + 1))[1:-1]
        kept = np.searchsorted(edges, column) == np.searchsorted(edges, float(cohort.value))
        kept &= ~np.isnan(column)
    return table.filter(pa.array(kept, pa.bool_()))


def _candidates(store: "Store", of: Model, version: Version, until: datetime, seed: int) -> tuple[pa.Table, str]:
    model = of.name
    with_reference = [each for each in store.catalog.versions(model) if each.reference_rows]
    own_first = sorted(with_reference, key=lambda each: (each.version != version.version, each.created, each.version))
    for each in own_first:
        table = store.catalog.reference(model, each.version, limit=CANDIDATES, seed=seed)
        if table.num_rows:
            return table, f"{OF_REFERENCE} {each.version}"
    window = Window(datetime(1970, 1, 1, tzinfo=UTC), until)
    table = store.rows.sample(model, window, version.version, limit=CANDIDATES, seed=seed)
    if not table.num_rows and any(feature.kind in FILLED for feature in of.schema.features):
        return table, NONE_YET
    if not table.num_rows:
        raise InvalidInput(
            f"model {model!r} has no reference and no row of version {version.version!r} captured before this one, so "
            "there is nothing to compare it with; register a reference"
        )
    return table, f"captured rows of version {version.version}"


def stratified(table: pa.Table, rows: int, seed: int) -> list[int]:
    """Return the indices of at most ``rows`` rows: equally many from each tenth of the scores, by hash of the id.

    Args:
        table: with columns ``_id`` and ``_score``; rows without a score rank highest.
        rows: how many to choose.
        seed: another seed chooses other rows.
    """
    keys = [hashlib.blake2b(f"{seed}|{id_}".encode(), digest_size=8).digest() for id_ in table["_id"].to_pylist()]
    scores = [float("inf") if score is None else score for score in table["_score"].to_pylist()]
    ranked = sorted(range(table.num_rows), key=lambda index: (scores[index], keys[index]))
    if len(ranked) > rows:
        strata = np.array_split(ranked, min(STRATA, rows))
        shares = [len(part) for part in np.array_split(range(rows), len(strata))]
        ranked = [
            index
            for stratum, share in zip(strata, shares, strict=True)
            for index in sorted(stratum.tolist(), key=lambda index: keys[index])[:share]
        ]
    return sorted(ranked, key=lambda index: keys[index])
