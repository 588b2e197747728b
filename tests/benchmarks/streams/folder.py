"""Any folder as a stream: its Parquet files in order of name, and a ``stream.toml`` that says what they are.

name = "loans"            # how figures name it; the folder's name if it is not given
time = "decided"          # a timestamp column; rows are sorted by it
label = "repaid"          # 0/1, boolean or a number; may be left out
score = "p"               # the model's probability (or predicted number); may be left out
task = "binary"           # or "regression"
reference = 0.5           # a share of the rows, a number of rows, or a date: rows before it
chunk = "1d"              # days, or a number of rows

[kinds]                   # every feature, by kind: numeric, integer, boolean, categorical, text, timestamp
amount = "numeric"
"""

import datetime as dt
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.types import Kind, Task
from tests.benchmarks.streams.stream import Stream, schema_of


def folder(path: Path) -> Stream:
    """Return the stream in a folder."""
    said = tomllib.loads((path / "stream.toml").read_text())
    table = pa.concat_tables(
        [pq.read_table(file) for file in sorted(path.glob("*.parquet"))], promote_options="default"
    )
    table = table.sort_by(said["time"])
    stamps = table[said["time"]]
    times = stamps.cast(pa.timestamp("us")).combine_chunks().view(pa.int64()).to_numpy()
    kinds = {name: Kind(kind) for name, kind in said["kinds"].items()}
    features = table.select(list(kinds))
    for name, kind in kinds.items():
        if kind is Kind.CATEGORICAL:
            features = features.set_column(
                features.schema.get_field_index(name), name, features[name].cast(pa.string())
            )
    if "score" in said:
        features = features.append_column("_score", table[said["score"]].cast(pa.float64()))
    label = table[said["label"]].cast(pa.float64()).to_numpy() if "label" in said else None
    task = Task(said.get("task", "binary"))
    name = said.get("name", path.name)
    chunk = None if said.get("chunk", "1d") == "1d" else int(said["chunk"])
    return Stream(name, features, schema_of(name, kinds, task), times, label, _reference(said, times), chunk)


def _reference(said: dict[str, object], times: np.ndarray) -> int:
    """Return how many rows are the reference."""
    wanted = said.get("reference", 0.5)
    if isinstance(wanted, float):
        return int(wanted * len(times))
    if isinstance(wanted, int):
        return wanted
    if isinstance(wanted, str):
        wanted = dt.date.fromisoformat(wanted)
    if not isinstance(wanted, dt.date):
        raise TypeError(f"reference is {wanted!r}; it is a share of the rows, a number of rows, or a date")
    first = dt.datetime(wanted.year, wanted.month, wanted.day, tzinfo=dt.UTC)
    return int(np.searchsorted(times, int(first.timestamp() * 1e6)))
