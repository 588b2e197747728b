"""The fate of inferences: new, sent before, or in conflict with what is stored under the same id."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.schema import Sent
from monitor.schema.held import of_row, plain
from monitor.store import Store
from monitor.types import Inference, Label

NEW, REPEATED, CONFLICTING = range(3)

_SENT = tuple(field.name for field in fields(Inference) if field.name != "features")


def row_fates(store: Store, model: str, batch: pa.Table) -> npt.NDArray[np.int8]:
    """Return `NEW`, `REPEATED` or `CONFLICTING` for each row of a batch, by (version, id) and content hash.

    A row is compared with what is stored and with the rows before it in the batch. Most are new by their id alone; only
    the others are looked at one by one.
    """
    ids = batch.column("_id").to_pylist()
    fates = np.full(len(ids), NEW, dtype=np.int8)
    found = store.rows.existing(model, ids)
    known = set(found.column("id").to_pylist())
    if len(set(ids)) < len(ids):
        known |= {name for name, times in Counter(ids).items() if times > 1}
    if not known:
        return fates
    places = [place for place, name in enumerate(ids) if name in known]
    some = batch.select(["_version", "_id", "_hash"]).take(places)
    keys = zip(found.column("version").to_pylist(), found.column("id").to_pylist(), strict=True)
    seen = dict(zip(keys, found.column("hash").to_pylist(), strict=True))
    for place, version, name, content in zip(places, *(column.to_pylist() for column in some.columns), strict=True):
        if (version, name) in seen:
            fates[place] = REPEATED if seen[version, name] == content else CONFLICTING
        else:
            seen[version, name] = content
    return fates


def as_sent(batch: pa.Table, rows: Sequence[int]) -> list[Sent]:
    """Return the rows of a canonical batch at these places as the API takes them."""
    return [Sent("inferences", _json(_wire(row))) for row in batch.take(list(rows)).to_pylist()]


def inference_as_sent(row: Inference) -> Sent:
    """Return an inference as the API takes it."""
    return Sent("inferences", _json({key: value for key, value in asdict(row).items() if value is not None}))


def label_as_sent(label: Label) -> Sent:
    """Return a label as the API takes it."""
    return Sent("labels", _json({key: value for key, value in asdict(label).items() if value is not None}))


def _wire(row: Mapping[str, Any]) -> dict[str, object]:
    """Return one canonical row under the API's names; values that no column could hold are features again."""
    own = {name: row[f"_{name}"] for name in _SENT if row.get(f"_{name}") is not None}
    held = of_row(row)
    features = {
        name: plain(value, held.get(name))
        for name, value in row.items()
        if not name.startswith("_") and value is not None
    }
    kept = json.loads(row["_extra"]) if row["_extra"] else {}
    spoken = {name: value for name, value in kept.items() if not name.startswith("_")}
    return own | {"features": features | spoken}


def _json(value: object) -> bytes:
    return json.dumps(value, default=str, ensure_ascii=False).encode(errors="replace")
