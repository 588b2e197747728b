"""Any folder as a stream: its Parquet files in order of name, and a ``stream.toml`` that says what they are.

name = "loans"            # how figures name it; the folder's name if it is not given
time = "decided"          # a timestamp column, in UTC where it says no zone; rows are sorted by it
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
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.types import Kind, Task
from tests.benchmarks.streams.stream import Floats, Ints, Stream, schema_of

KNOWN = ("name", "time", "label", "score", "task", "reference", "chunk", "kinds")
KINDS = (Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL, Kind.TEXT, Kind.TIMESTAMP)


class Unusable(ValueError):
    """A folder that is no stream: what was got, what is allowed, and what to do."""


def folder(path: Path) -> Stream:
    """Return the stream in a folder.

    Raises:
        Unusable: there is no ``stream.toml`` or no Parquet file, or what they say does not fit.
    """
    said = _said(path)
    files = sorted(path.glob("*.parquet"))
    if not files:
        raise Unusable(f"{path} holds no Parquet file; put the rows there as one or more *.parquet")
    table = pa.concat_tables([pq.read_table(file) for file in files], promote_options="default")
    kinds = {name: _one_of(f"kinds.{name}", kind, KINDS) for name, kind in said["kinds"].items()}
    for what, name in [(what, said[what]) for what in ("time", "label", "score") if what in said] + [
        ("kinds", name) for name in kinds
    ]:
        if name not in table.column_names:
            raise Unusable(f"{what} names the column {name!r}; there are {', '.join(table.column_names)}")
    table = table.sort_by(said["time"])
    times = _times(table[said["time"]], said["time"])
    task = _one_of("task", said.get("task", "binary"), (Task.BINARY, Task.REGRESSION))
    features = table.select(list(kinds))
    for at, (name, kind) in enumerate(kinds.items()):
        features = features.set_column(at, name, _feature(features[name], name, kind))
    if "score" in said:
        features = features.append_column("_score", pa.array(_numbers(table, "score", said["score"], task)))
    label = _numbers(table, "label", said["label"], task) if "label" in said else None
    if label is not None and task is Task.BINARY and not np.isin(label[np.isfinite(label)], (0.0, 1.0)).all():
        raise Unusable(f'label {said["label"]!r} holds other values than 0 and 1; say task = "regression" for numbers')
    name = said.get("name", path.name)
    reference = _reference(said.get("reference", 0.5), times)
    return Stream(name, features, schema_of(name, kinds, task), times, label, reference, _chunk(said, len(times)))


def _said(path: Path) -> dict[str, Any]:
    if not (path / "stream.toml").is_file():
        raise Unusable(f"{path} has no stream.toml; see tests/benchmarks/streams/folder.py for what it says")
    try:
        said = tomllib.loads((path / "stream.toml").read_text())
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"{path / 'stream.toml'} is no TOML: {error}") from error
    strange = [key for key in said if key not in KNOWN]
    if strange:
        raise Unusable(f"stream.toml says {', '.join(strange)}; it can say {', '.join(KNOWN)}")
    for key in ("time", "kinds"):
        if not said.get(key):
            raise Unusable(f"stream.toml does not say {key}; it has to name the time column and the kinds of features")
    return said


def _one_of(what: str, got: object, allowed: tuple[Any, ...]) -> Any:
    if got not in tuple(each.value for each in allowed):
        raise Unusable(f"{what} is {got!r}; it can be {', '.join(each.value for each in allowed)}")
    return type(allowed[0])(got)


def _times(stamps: pa.ChunkedArray, name: str) -> Ints:
    """Return microseconds since the epoch in UTC; a time without a zone is in UTC."""
    if not pa.types.is_timestamp(stamps.type):
        raise Unusable(f"time {name!r} holds {stamps.type}; it has to be a timestamp, with a zone where it is not UTC")
    if stamps.null_count:
        raise Unusable(f"time {name!r} is missing in {stamps.null_count:,} rows; leave these rows out")
    found: Ints = stamps.cast(pa.timestamp("us"), safe=False).combine_chunks().view(pa.int64()).to_numpy()
    return found


def _feature(column: pa.ChunkedArray, name: str, kind: Kind) -> pa.ChunkedArray:
    if kind in (Kind.CATEGORICAL, Kind.TEXT):
        return column.cast(pa.string())
    if kind in (Kind.NUMERIC, Kind.INTEGER) and not (
        pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    ):
        raise Unusable(
            f"kinds.{name} is {kind.value} and the column holds {column.type}; say categorical, or convert it"
        )
    return column


def _numbers(table: pa.Table, what: str, name: str, task: Task) -> Floats:
    """Return a column as numbers, NaN where there is none."""
    try:
        found: Floats = pc.fill_null(table[name].cast(pa.float64()), np.nan).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unusable(f"{what} {name!r} holds {table[name].type}; it has to be a number or a boolean") from error
    known = found[np.isfinite(found)]
    if not len(known):
        raise Unusable(f"{what} {name!r} holds no number at all; leave {what} out of stream.toml")
    if what == "score" and task is Task.BINARY and not ((known >= 0) & (known <= 1)).all():
        raise Unusable(f"score {name!r} reaches from {known.min():g} to {known.max():g}; a probability is in 0 to 1")
    return found


def _chunk(said: dict[str, Any], rows: int) -> int | None:
    """Return how many rows a chunk has; None for days."""
    wanted = said.get("chunk", "1d")
    if wanted == "1d":
        return None
    if not str(wanted).isdigit() or not 0 < int(wanted) <= rows // 2:
        raise Unusable(f'chunk is {wanted!r}; it is "1d", or a number of rows up to {rows // 2:,}, half of all')
    return int(wanted)


def _reference(wanted: object, times: Ints) -> int:
    """Return how many rows are the reference."""
    if isinstance(wanted, dt.datetime):
        wanted = wanted.date()
    if isinstance(wanted, str):
        try:
            wanted = dt.date.fromisoformat(wanted)
        except ValueError as error:
            raise Unusable(f"reference is {wanted!r}; a date is written like 2024-03-01") from error
    if isinstance(wanted, dt.date):
        first = dt.datetime(wanted.year, wanted.month, wanted.day, tzinfo=dt.UTC)
        rows = int(np.searchsorted(times, int(first.timestamp() * 1e6)))
    elif isinstance(wanted, float) and wanted < 1:
        rows = int(wanted * len(times))
    elif isinstance(wanted, int) and not isinstance(wanted, bool):
        rows = wanted
    else:
        raise Unusable(f"reference is {wanted!r}; it is a share of the rows, a number of rows, or a date")
    if not 0 < rows < len(times):
        raise Unusable(f"reference is {wanted}, which makes {rows:,} of {len(times):,} rows; some have to follow it")
    return rows
