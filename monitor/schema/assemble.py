"""Put the parts of a canonical batch together, the same way for every source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import pyarrow as pa

from monitor.schema.answers import Answers
from monitor.schema.canonical import TIME, arrow_schema
from monitor.schema.content import content_hash
from monitor.schema.notes import Notes
from monitor.schema.policy import by_policy, shapes
from monitor.types import ModelSchema

MAX_ID = 512
"""Longest id of an inference, in characters."""

SKEW = timedelta(minutes=5)
"""How far ahead of our clock a row's time may be; beyond it is a wrong clock, not a prediction."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Who and when: the canonical columns that are not about the model's work."""

    id: pa.Array
    version: pa.Array
    time: pa.Array
    latency_ms: pa.Array
    batch_size: pa.Array
    status: pa.Array
    device: pa.Array
    device_ms: pa.Array
    memory_mb: pa.Array


def assemble(
    heads: Heads,
    features: Sequence[pa.Array],
    given: Answers,
    notes: Notes,
    schema: ModelSchema,
    *,
    source: str,
    now: datetime,
) -> pa.Table:
    """Return the canonical batch of these columns; ids that are null are made, times that are null are ``now``."""
    count = notes.rows
    ids, time = heads.id, heads.time
    if ids.null_count:
        prefix = uuid4().hex  # one draw a batch, a number a row: as unique, and much cheaper
        known = ids.to_pylist()
        for row in (row for row, value in enumerate(known) if value is None):
            notes.flag(row, "no_id")
        ids = pa.array([f"{prefix}:{row}" if value is None else value for row, value in enumerate(known)], pa.string())
    moment = pa.scalar(now, TIME)
    if time.null_count:
        time = time.fill_null(moment)
    target = arrow_schema(schema)
    extra = notes.extra()
    shaped = shapes(notes)
    names = [*(feature.name for feature in schema.features), "_extra", "_prediction", "_scores", *shaped]
    said = pa.RecordBatch.from_arrays([*features, extra, given.prediction, given.scores, *shaped.values()], names)
    features, summary = by_policy(features, ids, notes, schema)
    columns = [
        ids,
        heads.version,
        time,
        pa.repeat(moment, count),
        pa.repeat(pa.scalar(source), count),
        pa.array(content_hash(said)),
        given.prediction,
        given.scores,
        given.score,
        heads.latency_ms,
        heads.batch_size,
        heads.status,
        heads.device,
        heads.device_ms,
        heads.memory_mb,
        notes.flags(),
        extra,
        *summary,
        *features,
    ]
    return pa.Table.from_arrays(columns, schema=target)
