"""A year of real flights from New York: late by more than 15 minutes, or not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.types import Kind
from tests.benchmarks.streams.stream import Stream, schema_of, scored

FILE = Path(__file__).parents[3] / "sample_data" / "flights.parquet"
KINDS = {
    "carrier": Kind.CATEGORICAL,
    "origin": Kind.CATEGORICAL,
    "dest": Kind.CATEGORICAL,
    "weekday": Kind.CATEGORICAL,
    "distance": Kind.NUMERIC,
    "hour": Kind.NUMERIC,
    "temp": Kind.NUMERIC,
    "dewp": Kind.NUMERIC,
    "humid": Kind.NUMERIC,
    "wind_speed": Kind.NUMERIC,
    "precip": Kind.NUMERIC,
    "pressure": Kind.NUMERIC,
    "visib": Kind.NUMERIC,
    "airport_delay": Kind.NUMERIC,
}
LATE = 15


def flights() -> Stream:
    """Return the flights whose arrival is known from March on, March to May as reference; the model learned before."""
    table = pq.read_table(FILE)
    delay = table["arr_delay"].cast(pa.float64()).to_numpy()
    known = np.isfinite(delay)
    table, label = table.filter(pa.array(known)), (delay[known] > LATE).astype(np.float64)
    times = table["time"].cast(pa.timestamp("us", tz="UTC")).combine_chunks().view(pa.int64()).to_numpy()
    days = (times - times[0]) // 86_400_000_000
    train = int(np.searchsorted(days, 59))
    score = scored(table, KINDS, label, train)
    features = table.select(list(KINDS)).append_column("_score", pa.array(score)).slice(train)
    reference = int(np.searchsorted(days, 59 + 92)) - train
    return Stream("flights", features, schema_of("flights", KINDS), times[train:], label[train:], reference, None)
