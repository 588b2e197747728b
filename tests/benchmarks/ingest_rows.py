"""The rows that the ingest benchmark sends: 15 numeric and 5 categorical columns, a score and a prediction."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from tests.benchmarks.load import MARK, post

MODEL = "bench"
NUMERIC = [f"n{at:02}" for at in range(15)]
CATEGORICAL = [f"c{at}" for at in range(5)]
PATH = f"/v1/models/{MODEL}/inferences"
STREAM = "application/vnd.apache.arrow.stream"
SCHEMA = {
    "task": "binary",
    "classes": ["no", "yes"],
    "features": [{"name": name, "kind": "numeric"} for name in NUMERIC]
    + [{"name": name, "kind": "categorical"} for name in CATEGORICAL],
}


def rows(count: int, seed: int, begin: str) -> pa.Table:
    """Return rows as a client sends them: ids that begin with ``begin``, times of the last hours, the 20 columns."""
    rng = np.random.default_rng(seed)
    now = datetime.now(UTC)
    scores = rng.random(count)
    columns: dict[str, object] = {
        "id": [f"{begin}-{row}" for row in range(count)],
        "time": pa.array(
            [now - timedelta(seconds=float(s)) for s in rng.uniform(0, 7200, count)], pa.timestamp("us", tz="UTC")
        ),
        "score": scores,
        "prediction": np.where(scores >= 0.5, "yes", "no"),
    }
    columns |= {name: rng.normal(size=count) for name in NUMERIC}
    columns |= {name: np.array([f"v{at}" for at in range(30)])[rng.integers(0, 30, count)] for name in CATEGORICAL}
    return pa.table(columns)


def sent(table: pa.Table) -> pa.Table:
    """Return rows with their score as the one-element list that the interface takes."""
    offsets = np.arange(len(table) + 1, dtype=np.int32)
    lists = pa.ListArray.from_arrays(offsets, table["score"].combine_chunks())
    return table.drop_columns(["score"]).append_column("scores", lists)


def stream(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def json_body() -> bytes:
    """Return one row as JSON, its id to be numbered."""
    row = rows(1, 7, "json").to_pylist()[0]
    body = {
        "id": MARK.decode(),
        "features": {name: row[name] for name in [*NUMERIC, *CATEGORICAL]},
        "prediction": row["prediction"],
        "scores": [row["score"]],
        "latency_ms": 3.2,
    }
    return json.dumps(body).encode()


def json_request(path: str = PATH) -> bytes:
    """Return the pattern of one single-row request."""
    return post(path, json_body(), "application/json")
