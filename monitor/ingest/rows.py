"""The fate of inferences: new, sent before, or in conflict with what is stored under the same id."""

import json
from collections.abc import Sequence

import pyarrow as pa

from monitor.store import Store

NEW, REPEATED, CONFLICTING = range(3)


def row_fates(store: Store, model: str, batch: pa.Table) -> list[int]:
    """Return `NEW`, `REPEATED` or `CONFLICTING` for each row of a batch, by (version, id) and content hash.

    A row is compared with what is stored and with the rows before it in the batch.
    """
    ids, versions = batch.column("_id").to_pylist(), batch.column("_version").to_pylist()
    hashes = batch.column("_hash").to_pylist()
    found = store.rows.existing(model, ids)
    keys = zip(found.column("version").to_pylist(), found.column("id").to_pylist(), strict=True)
    seen = dict(zip(keys, found.column("hash").to_pylist(), strict=True))
    fates = []
    for key, content in zip(zip(versions, ids, strict=True), hashes, strict=True):
        if key not in seen:
            seen[key] = content
            fates.append(NEW)
        else:
            fates.append(REPEATED if seen[key] == content else CONFLICTING)
    return fates


def bodies(batch: pa.Table, rows: Sequence[int]) -> list[str]:
    """Return the rows of a batch at these places as JSON."""
    return [json.dumps(row, default=str, ensure_ascii=False) for row in batch.take(list(rows)).to_pylist()]
