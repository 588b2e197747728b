"""Conforming Arrow tables: the same batch as from rows, checked value by value where types differ."""

import json
import math
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from monitor.schema import conform, conform_table
from monitor.schema.tables import Places, conform_columns
from monitor.types import Feature, Inference, Kind, ModelSchema, Task
from tests.monitor.schema.every_kind import NOW, VALUES, schema


def test_a_table_conforms_as_its_rows_do():
    """The same batch, whichever way it came."""
    rows = [
        Inference(id="a", time=NOW, features=VALUES, scores=(0.25,), latency_ms=1.0, batch_size=2, status="200"),
        Inference(id="b", features={**VALUES, "temp": math.nan, "carrier": None}, scores=(0.75,), prediction="no"),
        Inference(id="c", features={**VALUES, "wind": 1}, scores=None),
    ]
    table = pa.table(
        {
            **{name: [row.features[name] for row in rows] for name in VALUES},
            "wind": [None, None, 1],
            "_id": ["a", "b", "c"],
            "time": pa.array([NOW, None, None], pa.timestamp("ms", "UTC")),
            "scores": [[0.25], [0.75], None],
            "prediction": [None, "no", None],
            "latency_ms": [1, None, None],
            "batch_size": pa.array([2, None, None], pa.int8()),
            "status": pa.array(["200", None, None]).dictionary_encode(),
        }
    )
    ours = conform(rows, schema(), source="x", now=NOW).batch.to_pylist()
    theirs = conform_table(table, schema(), source="x", now=NOW).batch.to_pylist()
    for one_row, other in zip(ours, theirs, strict=True):
        # a table says of every row that it has a column; rows say it one by one
        for row in (one_row, other):
            row["_flags"] = [flag for flag in row["_flags"] if flag != "new:wind"]
            del row["_extra"], row["_hash"]
        assert str(one_row) == str(other)


def test_tables_are_checked_value_by_value_where_types_differ():
    """Columns of other types, missing ones and unknown ones."""
    table = pa.table(
        {
            "id": ["a", "", "c"],
            "temp": ["1.5", None, "x"],
            "seats": pa.array([1.0, 2.0, 2.5]),
            "due": pa.array([0, 1, 2], pa.date32()),
            "vector": pa.array([[1.0], None, []], pa.large_list(pa.float32())),
            "carrier": pa.array(["AA", None, "UA"]).dictionary_encode(),
            "new": [1, 2, 3],
        }
    )
    done = conform_table(table, schema(), source="x", now=NOW)
    assert [(line.row, line.reason) for line in done.rejected] == [(1, "bad_id")]
    first, last = done.batch.to_pylist()
    assert first["_flags"] == ["retyped:temp", "missing:late", "missing:note", "new:new"]
    assert json.loads(first["_extra"]) == {"temp": "1.5", "new": 1}
    assert (first["seats"], first["carrier"], first["vector"]) == (1, "AA", [1.0])
    assert "retyped:seats" in last["_flags"]
    assert last["due"] == datetime(1970, 1, 3, tzinfo=UTC)


def test_table_rows_ahead_of_the_clock_or_with_bad_versions_are_rejected():
    """As for rows; an id that is no text too."""
    table = pa.table(
        {"id": ["a", "b", "c"], "time": [NOW, NOW + timedelta(hours=1), NOW], "version": ["1", "1", "V 2"]}
    )
    done = conform_table(table, schema(), source="x", now=NOW)
    assert [(line.row, line.reason) for line in done.rejected] == [(1, "clock_skew"), (2, "bad_version")]
    assert done.batch.num_rows == 1
    done = conform_table(pa.table({"id": [1, 2]}), schema(), source="x", now=NOW)
    assert [line.reason for line in done.rejected] == ["bad_id", "bad_id"]
    assert done.batch.num_rows == 0


def test_one_column_of_lists_named_as_the_only_one_holds_all_scores():
    schema = ModelSchema(model="m", task=Task.MULTICLASS, classes=("a", "b"), features=())
    table = pa.table({"p": [[0.9, 0.1], [0.2, 0.8]]})
    found = conform_columns(table, Places(scores=("p",)), schema, source="test", now=NOW)
    assert found.batch["_prediction"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize("names", [("x" * 201,), ("caf\u00e9", "cafe\u0301")])
def test_rows_with_names_no_column_may_have_are_refused_as_in_json(names: tuple[str, ...]) -> None:
    """A null says that the row has no such column; the rows beside it are taken."""
    columns = {name: pa.array([1.0, None, 2.0]) for name in names}
    table = pa.table({"_id": ["a", "b", "c"], "_prediction": ["yes"] * 3, "temp": [1.0, 2.0, 3.0], **columns})
    features = (Feature(name="temp", kind=Kind.NUMERIC),)
    schema = ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=features)
    found = conform_table(table, schema, source="http", now=NOW)
    rows = [
        Inference(
            id=row["_id"],
            prediction="yes",
            features={key: row[key] for key in ("temp", *names) if row[key] is not None},
        )
        for row in table.to_pylist()
    ]
    same = conform(rows, schema, source="http", now=NOW)
    assert found.rejected == same.rejected
    assert [(bad.row, bad.id, bad.reason) for bad in found.rejected] == [(0, "a", "bad_column"), (2, "c", "bad_column")]
    assert found.batch["_id"].to_pylist() == ["b"]
    assert found.batch["_flags"].to_pylist() == same.batch["_flags"].to_pylist() == [[]]
