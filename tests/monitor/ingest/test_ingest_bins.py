"""The bins of several references are those of all their rows together, though these are never all in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from monitor.ingest.bins import frozen
from monitor.profile import make_binning
from monitor.profile.text_bins import with_texts
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Task, Window

START = datetime(2013, 5, 1, tzinfo=UTC)
WORDS = ["rain", "sun", "Snow", "wind.", "née", "12", "late"]
KINDS = {
    "note": Kind.TEXT,
    "delay": Kind.NUMERIC,
    "vector": Kind.EMBEDDING,
    "carrier": Kind.CATEGORICAL,
    "second": Kind.TEXT,
    "steps": Kind.SEQUENCE,
    "seats": Kind.INTEGER,
    "photo": Kind.IMAGE,
    "key": Kind.ID,
    "left": Kind.TIMESTAMP,
    "note.words": Kind.NUMERIC,
}


def reference(schema: ModelSchema, version: str, shift: float) -> pa.Table:
    rng = np.random.default_rng(len(version))
    rows = []
    for number in range(150):
        features = {
            "note": " ".join(rng.choice(WORDS, 6)) if number % 7 else None,
            "delay": rng.normal() + shift,
            "vector": rng.normal(size=3).tolist(),
            "carrier": "ABC"[number % 3],
            "second": " ".join(rng.choice(WORDS, 3)),
            "steps": rng.normal(size=number % 5).tolist(),
            "seats": int(rng.integers(50, 300)),
            "key": f"k{number}",
            "left": START + timedelta(minutes=int(shift) + number),
            "note.words": float(number),
        }
        time = START + timedelta(minutes=number)
        rows.append(Inference(id=f"{version}{number}", version=version, time=time, features=features, scores=(0.3,)))
    taken = conform(rows, schema, source="http", now=START + timedelta(days=30))
    assert not taken.rejected
    return taken.batch.append_column("_label", pa.array(["late"] * 150))


@pytest.mark.parametrize("names", [list(KINDS), ["delay", "carrier"], ["second"]])
def test_bins_of_several_references_are_those_of_all_their_rows(store: Store, model: Model, names: list[str]) -> None:
    features = tuple(Feature(name=name, kind=KINDS[name]) for name in names)
    schema = ModelSchema(model="many", task=Task.BINARY, classes=("on time", "late"), features=features)
    many = replace(model, name="many", schema=schema)
    store.catalog.put_model(many)
    for version, shift in (("1", 0.0), ("22", 900.0), ("333", -50.0)):
        batch = reference(schema, version, shift)
        store.catalog.put_reference("many", version, batch, Window(START, START + timedelta(days=1)))
    together = pa.concat_tables([store.catalog.reference("many", version) for version in ("1", "22", "333")])
    expected = with_texts(make_binning(together, schema), together, schema)
    assert frozen(store, many, batch).to_json() == expected.to_json()
    assert set(expected.usual) == {name for name in names if KINDS[name] is Kind.TEXT}
