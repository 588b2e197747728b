"""When a model's bins are made anew: what a reference that is another one, or of other values, no longer fits."""

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from monitor.profile import make_binning
from monitor.profile.binning import SCORE, Binning, CategoryBins
from monitor.profile.placed import Placed
from monitor.profile.text_bins import with_texts
from monitor.schema import arrow_schema
from monitor.store import Store
from monitor.types import Kind, Model, ModelSchema

AUTO: Final = "auto-"
"""Begins the id of bins that are frozen on traffic, because there is no reference."""

OUTSIDE: Final = 0.01
"""Of a column's values in a reference: where more lie outside of the bins, these cannot compare it with anything."""

_UNREAD: Final = (Kind.ID, Kind.IMAGE)
_LONG: Final = (Kind.TEXT, Kind.EMBEDDING, Kind.SEQUENCE)
_ALWAYS_NEW: Final = (*_UNREAD, Kind.TIMESTAMP)
_SAID: Final = ("_hash", "_label")


def anew(binning: Binning | None, batch: pa.Table, schema: ModelSchema, *, replaces: bool) -> bool:
    """Whether a reference needs other bins than there are.

    The bins belong to the model, so that its versions compare: a further version's reference keeps them as long as its
    values lie in them. One that takes the place of another is what is normal now.

    Args:
        binning: the bins there are.
        batch: the reference, a canonical batch.
        schema: the model's schema.
        replaces: whether its version had another reference before.
    """
    names = [feature.name for feature in schema.features]
    if replaces or binning is None or binning.id.startswith(AUTO) or not set(names) <= binning.columns.keys():
        return True
    placed = Placed(batch, binning)
    read = [each.name for each in schema.features if each.kind not in _ALWAYS_NEW and each.name in batch.column_names]
    return any(_outside(placed, name) > OUTSIDE for name in read)


def replaces(store: Store, model: str, version: str, batch: pa.Table) -> bool:
    """Whether a version has another reference than these rows, in any order: one that is sent once more is the same.

    Args:
        store: where references are.
        model: whose.
        version: its version.
        batch: a canonical batch with ``_label``.
    """
    known = any(each.version == version and each.reference_rows for each in store.catalog.versions(model))
    return known and not _told(store.catalog.reference(model, version, columns=_SAID)).equals(_told(batch))


def _told(batch: pa.Table) -> pa.Table:
    """Return what rows say, whatever they are called and when they came."""
    said = pa.table([batch[name] for name in _SAID], _SAID)
    return said.sort_by([(name, "ascending") for name in _SAID])


def frozen(store: Store, model: Model, batch: pa.Table) -> Binning:
    """Return the bins that all references of a model give; to be called once the last of them is stored.

    Several are never all in memory: what may be long is read a column at a time.

    Args:
        store: where they are.
        model: whose.
        batch: the reference that was stored last.
    """
    schema = model.schema
    versions = [each.version for each in store.catalog.versions(model.name) if each.reference_rows]
    if len(versions) < 2:
        return with_texts(make_binning(batch, schema), batch, schema)

    def read(*columns: str) -> pa.Table:
        return pa.concat_tables([store.catalog.reference(model.name, each, columns=columns) for each in versions])

    short = [each.name for each in schema.features if each.kind not in (*_LONG, *_UNREAD)]
    held = ["_summary"] if "_summary" in arrow_schema(schema).names else []
    binning = make_binning(read(*short, SCORE, "_label", *held), schema)
    columns, long = dict(binning.columns), [each for each in schema.features if each.kind in _LONG]
    for feature in long:
        alone = read(feature.name, *held)
        columns[feature.name] = make_binning(alone, replace(schema, features=(feature,))).columns[feature.name]
    binning = Binning.of(columns) if long else binning
    for feature in (each for each in long if each.kind is Kind.TEXT):
        binning = with_texts(binning, read(feature.name), schema)
    return binning


def _outside(placed: Placed, name: str) -> float:
    """Return the share of a column's values that lie in no bin of the reference's."""
    bins = placed.binning.columns[name]
    counts = np.bincount(placed.slots(name), minlength=bins.length)[bins.HEAD :]
    if isinstance(bins, CategoryBins):
        outside, present = counts[-1] if bins.complete else 0, counts.sum()
    else:
        last = len(bins.edges)
        outside, present = counts[0] + (counts[last] if last else 0), counts[: last + 1].sum()
    return float(outside / max(1, present))
