"""Captured rows as columns, and the players made of them."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from explain.columns import from_row, from_table, scalars
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    features=(
        Feature(name="delay", kind=Kind.NUMERIC),
        Feature(name="rain", kind=Kind.BOOLEAN),
        Feature(name="carrier", kind=Kind.CATEGORICAL),
        Feature(name="at", kind=Kind.TIMESTAMP),
        Feature(name="vector", kind=Kind.EMBEDDING),
        Feature(name="plane", kind=Kind.ID),
    ),
)
MOMENT = datetime(2013, 5, 1, 12, tzinfo=UTC)


def test_a_captured_row_becomes_float64_and_objects():
    row = {"delay": 3, "rain": True, "carrier": "AA", "at": MOMENT, "vector": [1.0, 2.0], "_id": "x"}
    found = from_row(row, SCHEMA)
    assert list(found) == ["delay", "rain", "carrier", "at", "vector", "plane"]
    assert found["delay"].tolist() == [3.0]
    assert found["rain"].tolist() == [1.0]
    assert found["carrier"].tolist() == ["AA"]
    assert found["at"].tolist() == [MOMENT.timestamp()]
    assert found["vector"].tolist() == [[1.0, 2.0]]


def test_a_naive_time_is_read_as_utc():
    assert from_row({"at": MOMENT.replace(tzinfo=None)}, SCHEMA)["at"][0] == MOMENT.timestamp()


def test_what_a_row_or_batch_lacks_is_null():
    row = from_row({}, SCHEMA)
    assert np.isnan([row["delay"][0], row["rain"][0], row["at"][0]]).all()
    assert row["carrier"].tolist() == row["vector"].tolist() == [None]
    batch = from_table(pa.table({"delay": [1.0, None]}), SCHEMA)
    assert batch["carrier"].tolist() == [None, None]
    np.testing.assert_array_equal(batch["delay"], [1.0, np.nan])


def test_row_and_batch_of_the_same_values_agree():
    rows = {"delay": [1.5], "rain": [False], "carrier": ["UA"], "at": [MOMENT], "vector": [[0.5]], "plane": ["N1"]}
    batch = from_table(pa.table(rows), SCHEMA)
    row = from_row({name: values[0] for name, values in rows.items()}, SCHEMA)
    assert {name: column.tolist() for name, column in batch.items()} == {k: v.tolist() for k, v in row.items()}


def test_people_read_times_as_text_and_lists_by_their_length():
    values = scalars({"delay": 1, "at": MOMENT, "vector": [1.0, 2.0]}, SCHEMA)
    assert values == {
        "delay": 1, "rain": None, "carrier": None, "at": "2013-05-01T12:00:00+00:00", "vector": "2 numbers",
        "plane": None,
    }  # fmt: skip


def test_players_decode_to_exactly_the_values_that_were_coded():
    row = from_row({"delay": None, "carrier": "AA", "rain": True, "at": MOMENT, "vector": [1.0]}, SCHEMA)
    usual = {
        "delay": np.array([1.0, np.nan, 1.0]),
        "rain": np.array([1.0, 1.0, 1.0]),
        "carrier": np.array(["UA", None, "AA"], dtype=object),
        "at": np.array([0.0, 1.0, MOMENT.timestamp()]),
        "vector": np.array([None, None, None], dtype=object),
        "plane": np.array(["N1", "N2", "N3"], dtype=object),
    }
    players = make_players(row, usual, SCHEMA)
    assert [feature.name for feature in players.features] == ["delay", "carrier", "at"]
    assert players.unplayable == ("plane",)
    decoded = players.decode(players.background)
    for name in ("delay", "carrier", "at"):
        np.testing.assert_array_equal(decoded[name], usual[name])
    assert decoded["vector"].tolist() == [[1.0]] * 3
    assert decoded["rain"].tolist() == [1.0] * 3
    assert players.background[1, 0] == players.row[0], "null equals null"
    assert players.attributions(np.array([1.0, 2.0, 3.0]), SCHEMA) == {
        "delay": 1.0, "rain": 0.0, "carrier": 2.0, "at": 3.0, "vector": 0.0, "plane": 0.0
    }  # fmt: skip
