"""Columns that are not there, empty, stuck or all different: they stop nothing, and the others are judged as before."""

import json
import traceback
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from monitor.detection import Chunk, Detector, State
from monitor.profile.build import profile, read
from monitor.profile.column import ColumnProfile
from monitor.profile.freeze import make_binning
from monitor.types import Feature, Kind, ModelSchema, Task
from tests.benchmarks.statistics_rows import Options, Row
from tests.benchmarks.streams.coded import days

ROWS, REFERENCE, AFTER = 400, 35, 4

ODD = {
    "all_null": Kind.NUMERIC,
    "all_null_category": Kind.CATEGORICAL,
    "goes_null": Kind.NUMERIC,
    "comes": Kind.NUMERIC,
    "constant": Kind.NUMERIC,
    "goes_constant": Kind.NUMERIC,
    "constant_category": Kind.CATEGORICAL,
    "all_unique": Kind.CATEGORICAL,
    "all_unique_id": Kind.ID,
    "infinite": Kind.NUMERIC,
    "huge": Kind.NUMERIC,
    "text": Kind.TEXT,
    "flag": Kind.BOOLEAN,
}


def measure(options: Options) -> Iterator[Row]:
    """Count the odd columns with which a detector cannot be fitted, stepped, or does not find the fault beside it."""
    crashes = sum(broken(name, seed) for seed in options.seeds for name in (*ODD, ""))
    yield Row("crashes", crashes, "0: all-null, new, constant, all-unique …", crashes == 0, "Evidently ValueError")


def broken(odd: str, seed: int) -> bool:
    """Return whether a model with one odd column (or with all of them) is not judged to the end."""
    kinds = {"plain": Kind.NUMERIC} | ({odd: ODD[odd]} if odd else ODD)
    schema = ModelSchema(
        model="odd",
        task=Task.BINARY,
        classes=("no", "yes"),
        features=tuple(Feature(name=name, kind=kind) for name, kind in kinds.items()),
    )
    rng = np.random.default_rng([seed, 9])
    reference = [_rows(kinds, rng, later=False) for _ in range(REFERENCE)]
    binning = make_binning(pa.concat_tables(reference), schema)

    def chunk(rows: pa.Table, day: int) -> Chunk:
        found = read(profile(rows, schema, binning), binning, schema)
        return Chunk(days(1, day)[0], {n: each for n, each in found.items() if isinstance(each, ColumnProfile)})

    try:
        detector = Detector.fit([chunk(rows, day) for day, rows in enumerate(reference)])
        state = detector.start()
        for day in range(AFTER):
            rows = _rows(kinds, rng, later=True)
            if day == AFTER - 1:
                at = rows.schema.get_field_index("plain")
                rows = rows.set_column(at, "plain", pa.array(rng.normal(size=ROWS) * 1000))
            state, told = detector.step(state, chunk(rows, REFERENCE + day))
            state = State.from_json(json.loads(json.dumps(state.to_json())))
    except (ValueError, ArithmeticError, LookupError, TypeError):
        traceback.print_exc()
        return True
    return told is None or "plain" not in told.columns


def _rows(kinds: dict[str, Kind], rng: np.random.Generator, *, later: bool) -> pa.Table:
    """Return a canonical batch of one day."""
    number, nothing = rng.normal(size=ROWS), pa.nulls(ROWS, pa.float64())
    made = {
        "plain": number,
        "all_null": nothing,
        "all_null_category": pa.nulls(ROWS, pa.string()),
        "goes_null": nothing if later else number,
        "comes": number if later else nothing,
        "constant": np.full(ROWS, 3.0),
        "goes_constant": np.full(ROWS, 3.0) if later else number,
        "constant_category": ["same"] * ROWS,
        "all_unique": [f"u{value}" for value in rng.integers(0, 2**60, ROWS)],
        "all_unique_id": [f"i{value}" for value in rng.integers(0, 2**60, ROWS)],
        "infinite": np.full(ROWS, np.inf),
        "huge": number * 1e307,
        "text": [f"{value:.9g}" for value in number],
        "flag": number > 0,
    }
    day = pa.array([days(1)[0]] * ROWS, pa.timestamp("us", tz="UTC"))
    score = rng.random(ROWS)
    return pa.table(
        {name: made[name] for name in kinds}
        | {
            "_version": ["1"] * ROWS,
            "_time": day,
            "_score": score,
            "_prediction": np.where(score > 0.5, "yes", "no").tolist(),
            "_latency_ms": rng.random(ROWS),
            "_flags": pa.array([["new:surprise"] if later else []] * ROWS, pa.list_(pa.string())),
        }
    )
