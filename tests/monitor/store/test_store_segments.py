"""The rows of a segment are those that its profiles count, whatever kind of column it is told apart by."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitor.profile import make_binning, profile
from monitor.profile.binning import SCORE
from monitor.profile.build import read
from monitor.profile.groups import SEGMENT_VALUES
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task

START = datetime(2013, 5, 1, tzinfo=UTC)
KINDS = {
    "=city": Kind.CATEGORICAL,
    "many=few": Kind.CATEGORICAL,
    "vip": Kind.BOOLEAN,
    "age": Kind.INTEGER,
    "pay": Kind.NUMERIC,
    "note": Kind.TEXT,
    "opened": Kind.TIMESTAMP,
    "key": Kind.ID,
    "vector": Kind.EMBEDDING,
}
SCHEMA = ModelSchema(
    model="m",
    task=Task.REGRESSION,
    features=tuple(Feature(name=name, kind=kind) for name, kind in KINDS.items()),
)


def rows(count: int, seed: int) -> list[Inference]:
    rng = np.random.default_rng(seed)

    def features() -> dict[str, object]:
        found = {
            "=city": str(rng.choice(["Wien", "a=b", ""])),
            "many=few": f"v{int(rng.geometric(0.05))}",
            "vip": bool(rng.random() < 0.5),
            "age": int(rng.integers(18, 90)),
            "pay": float(rng.choice([rng.normal() / 3, np.nan, np.inf], p=[0.9, 0.05, 0.05])),
            "note": "é" * int(rng.integers(0, 40)),
            "opened": START - timedelta(seconds=float(rng.uniform(0, 1e6))),
            "key": str(rng.integers(10**9)),
            "vector": [1.0] * int(rng.integers(0, 9)),
        }
        return {name: None if rng.random() < 0.1 else value for name, value in found.items()}

    return [Inference(id=f"{seed}-{at}", features=features(), prediction=1.0, time=START) for at in range(count)]


def test_rows_by_segment_are_those_the_profiles_count(tmp_path: Path) -> None:
    batches = [conform(rows(800, seed), SCHEMA, source="http", now=START).batch for seed in (1, 2)]
    binning = make_binning(batches[0], SCHEMA)
    with Store.open(tmp_path / "watch.db") as store:
        store.catalog.put_model(Model(name="m", schema=SCHEMA, settings=Settings(), created=START))
        store.catalog.put_binning("m", binning)
        store.rows.commit("m", batches[1], None)
        pieces = profile(batches[1], SCHEMA, binning, list(KINDS))
        counted: Counter[str] = Counter()
        for segment in pieces["segment"].unique().to_pylist():
            part = pieces.filter(pa.compute.equal(pieces["segment"], segment))
            counted[segment] = read(part, binning, SCHEMA)[SCORE].rows
        assert {segment: store.rows.count("m", segment=segment) for segment in counted} == counted
        assert len(store.rows.inferences("m", segment="vip=true", limit=2_000)) == counted["vip=true"]
        assert len([each for each in counted if each.startswith("many=few=")]) == SEGMENT_VALUES + 2
        for nothing in ("vip=maybe", "vip=other", "age=7", "=city=Graz", "nosuch=1", "="):
            assert store.rows.count("m", segment=nothing) == 0
