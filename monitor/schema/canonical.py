"""The canonical batch: one Arrow table, one row per inference, in the same columns for every source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa

from monitor.schema.held import SUMMARY, holds
from monitor.types import Kind, ModelSchema, Task

TIME = pa.timestamp("us", tz="UTC")
NUMBERS = pa.list_(pa.float64())

ARROW: dict[Kind, pa.DataType] = {
    Kind.NUMERIC: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.CATEGORICAL: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.IMAGE: pa.binary(),
    Kind.ID: pa.string(),
    Kind.TIMESTAMP: TIME,
    Kind.EMBEDDING: NUMBERS,
    Kind.SEQUENCE: NUMBERS,
}
"""How each kind of column is held."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent and could not be taken, kept as it came, so that it can be read again once the cause is mended.

    ``form`` says how to read ``body``: ``inferences`` and ``labels`` are one JSON row as the API takes it; any other is
    a collector's name, and then ``body`` is a whole request with the ``headers`` that the collector was given.
    """

    form: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row (or whole body) that was not taken, and why. ``row`` counts from 0 in what was sent."""

    row: int
    id: str | None
    reason: str
    detail: str
    sent: Sent | None = None


@dataclass(frozen=True, slots=True)
class Conformed:
    """What conforming gives: the rows taken, and those that were not."""

    batch: pa.Table
    rejected: list[Rejected] = field(default_factory=list)


@lru_cache(maxsize=256)
def arrow_schema(schema: ModelSchema) -> pa.Schema:
    """Return the columns of the canonical batch of one model.

    Our own columns come first and start with an underscore; then one column per feature by its name.

    >>> from monitor.types import Feature
    >>> features = (Feature(name="temp", kind=Kind.NUMERIC),)
    >>> arrow_schema(ModelSchema(model="m", task=Task.REGRESSION, features=features)).field("_prediction").type
    DataType(double)
    """
    prediction = pa.float64() if schema.task is Task.REGRESSION else pa.string()
    own = [
        pa.field("_id", pa.string(), nullable=False),
        pa.field("_version", pa.string(), nullable=False),
        pa.field("_time", TIME, nullable=False),
        pa.field("_received", TIME, nullable=False),
        pa.field("_source", pa.string(), nullable=False),
        pa.field("_hash", pa.int64(), nullable=False),
        pa.field("_prediction", prediction),
        pa.field("_scores", NUMBERS),
        pa.field("_score", pa.float64()),
        pa.field("_latency_ms", pa.float64()),
        pa.field("_batch_size", pa.int32()),
        pa.field("_status", pa.string()),
        pa.field("_device", pa.string()),
        pa.field("_device_ms", pa.float64()),
        pa.field("_memory_mb", pa.float64()),
        pa.field("_flags", pa.list_(pa.string()), nullable=False),
        pa.field("_extra", pa.string()),
    ]
    if holds(schema):
        own.append(pa.field("_summary", SUMMARY))
    return pa.schema(own + [pa.field(feature.name, ARROW[feature.kind]) for feature in schema.features])
