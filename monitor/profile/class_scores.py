"""How the scores of each class of a multiclass task are distributed, labelled or not: one histogram a class.

Layout of ``counts`` (int64): rows by (class, score bin), for the first `outcome.ONE_VS_REST` classes in the bins of
the outcome's one-vs-rest histograms, so that both can be compared bin by bin. Over all traffic alone.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from monitor.profile.binning import Binning
from monitor.profile.groups import group
from monitor.profile.outcome import ONE_VS_REST, outcome_edges
from monitor.profile.outcome_rows import probabilities
from monitor.profile.pieces import PIECES
from monitor.profile.values import Floats, Ints
from monitor.types import ModelSchema, Task

CLASS_SCORES: Final = "_class_scores"


def profile_class_scores(batch: pa.Table, schema: ModelSchema, binning: Binning) -> pa.Table:
    """Count the scores of each class by version and hour; no pieces for other tasks.

    Args:
        batch: a canonical batch; rows without a score for each class are in no bin.
        schema: the model's schema.
        binning: the model's bins, whose id the pieces carry.
    """
    if schema.task is not Task.MULTICLASS or not batch.num_rows:
        return PIECES.empty_table()
    p, usable = probabilities(batch, schema)
    groups = group(batch, schema, binning, ())
    edges = outcome_edges(schema, binning)
    shown, bins = min(len(schema.classes), ONE_VS_REST), len(edges) - 1
    place = np.clip(np.searchsorted(edges, p[:, :shown], side="right") - 1, 0, bins - 1)
    slots = (groups.group * shown)[:, None] * bins + (np.arange(shown) * bins + place)[groups.rows]
    count = len(groups.starts)
    block = np.bincount(slots[usable[groups.rows]].ravel(), minlength=count * shown * bins).astype(np.int64)
    return pa.table(
        {
            "version": groups.version,
            "segment": groups.segment,
            "hour": pa.array(groups.hour).view(pa.timestamp("us", tz="UTC")),
            "column": [CLASS_SCORES] * count,
            "binning": [binning.id] * count,
            "counts": pa.array(list(block.reshape(count, -1)), pa.list_(pa.int64())),
            "minimum": np.full(count, np.inf),
            "maximum": np.full(count, -np.inf),
        },
        schema=PIECES,
    )


def by_class(counts: Ints, schema: ModelSchema) -> Floats:
    """Return the counters as rows by (class, score bin)."""
    return counts.reshape(min(len(schema.classes), ONE_VS_REST), -1).astype(np.float64)
