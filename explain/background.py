"""The background: the few rows that stand for "a usual row" in an explanation, always the same for the same reference.

Rows are drawn from the model version's reference, stratified by score and ordered by a hash of their id, so that the
choice depends on neither the order nor the number of look-ups. Where the version has no reference, another version's
serves, or else rows captured up to the one that is explained; ``source`` says which.
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
from explain.models import digest
from monitor.errors import InvalidInput
from monitor.types import Model, Version, Window

if TYPE_CHECKING:
    from monitor.store import Store

ROWS = 100
"""How many rows a background has at most: what the shap library itself advises."""

STRATA = 10
CANDIDATES = 5_000


@dataclass(frozen=True, slots=True)
class Background:
    """The rows, as columns; the sha256 of their values; and where they are from."""

    columns: Mapping[str, Column]
    rows: int
    hash: str
    source: str


def background(store: "Store", model: Model, version: Version, until: datetime, *, seed: int = 0) -> Background:
    """Return the background for explaining a row of ``version`` captured at ``until``.

    Raises:
        InvalidInput: there is neither a reference nor an earlier captured row.
    """
    table, source = _candidates(store, model.name, version, until, seed)
    chosen = table.take(stratified(table, ROWS, seed))
    columns = from_table(chosen, model.schema)
    values = [(name, column.tolist()) for name, column in sorted(columns.items())]
    return Background(columns, chosen.num_rows, digest(msgspec.json.encode(values)), source)


def _candidates(store: "Store", model: str, version: Version, until: datetime, seed: int) -> tuple[pa.Table, str]:
    with_reference = [each for each in store.catalog.versions(model) if each.reference_rows]
    own_first = sorted(with_reference, key=lambda each: (each.version != version.version, each.created, each.version))
    for each in own_first:
        table = store.catalog.reference(model, each.version, limit=CANDIDATES, seed=seed)
        if table.num_rows:
            return table, f"reference of version {each.version}"
    window = Window(datetime(1970, 1, 1, tzinfo=UTC), until)
    table = store.rows.sample(model, window, version.version, limit=CANDIDATES, seed=seed)
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
