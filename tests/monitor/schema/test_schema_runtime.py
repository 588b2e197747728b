"""What computed a row: accepted in every form, and never mistaken for a feature of the same name."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from monitor.api.rows import read_inferences
from monitor.schema import conform, conform_table
from monitor.types import Feature, Inference, Kind, ModelSchema, Task

NOW = datetime(2024, 3, 1, tzinfo=UTC)
RAN = {"device": "cuda:0", "device_ms": 1.25, "memory_mb": 812.0}


def schema(*names: str) -> ModelSchema:
    features = tuple(Feature(name=name, kind=Kind.CATEGORICAL) for name in names)
    return ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=features)


def ran(batch: pa.Table) -> list[dict[str, object]]:
    return [{name: row[f"_{name}"] for name in RAN} for row in batch.to_pylist()]


def test_rows_tables_and_json_say_it_alike():
    rows = [Inference(id="a", features={"x": "1"}, **RAN), Inference(id="b", features={"x": "2"})]
    body = b'[{"id": "a", "features": {"x": "1"}, "device": "cuda:0", "device_ms": 1.25, "memory_mb": 812},'
    body += b'{"id": "b", "features": {"x": "2"}}]'
    table = pa.table({"id": ["a", "b"], "x": ["1", "2"], **{name: [value, None] for name, value in RAN.items()}})
    none = dict.fromkeys(RAN)
    for batch in (
        conform(rows, schema("x"), source="t", now=NOW).batch,
        conform(read_inferences(body, "application/json").taken, schema("x"), source="t", now=NOW).batch,
        conform_table(table, schema("x"), source="t", now=NOW).batch,
    ):
        assert ran(batch) == [RAN, none]
        assert batch["_extra"].null_count == 2


@pytest.mark.parametrize("name", ["device", "device_ms"])
def test_a_feature_of_that_name_stays_a_feature(name):
    """In a flat row and in a table whose schema has it; what ran the row is then said with an underscore."""
    flat = read_inferences(b'{"id": "a", "%s": "phone"}' % name.encode(), "application/json").taken
    table = pa.table({"_id": ["a"], name: ["phone"], f"_{name}": [None]})
    for batch in (
        conform(flat, schema(name), source="t", now=NOW).batch,
        conform_table(table, schema(name), source="t", now=NOW).batch,
    ):
        row = batch.to_pylist()[0]
        assert (row[name], row[f"_{name}"]) == ("phone", None)


def test_a_retry_on_another_device_is_the_same_row():
    one, other = (
        conform([Inference(id="a", features={"x": "1"}, device=name, device_ms=ms)], schema("x"), source="t", now=NOW)
        for name, ms in (("cpu", 9.0), ("cuda:0", 1.0))
    )
    assert one.batch["_hash"] == other.batch["_hash"]


def test_values_of_another_type_are_flagged_and_kept():
    row = Inference(id="a", features={"x": "1"}, device_ms="fast", memory_mb=float("nan"))  # type: ignore[arg-type]
    found = conform([row], schema("x"), source="t", now=NOW).batch.to_pylist()[0]
    assert found["_device_ms"] is None
    assert set(found["_flags"]) == {"retyped:_device_ms", "non_finite:_memory_mb"}
    assert "fast" in found["_extra"]
