"""Conforming: nothing is cast silently, nothing odd stops capture, every oddity is flagged."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.schema import arrow_schema, conform
from monitor.types import Inference
from tests.monitor.schema.every_kind import KINDS, NOW, VALUES, schema


def one(features, *, model=None, **given_):
    """Conform a single row; returns it as a mapping."""
    row = Inference(**{"id": "a", "features": features, "scores": (0.5,), **given_})
    done = conform([row], model or schema(), source="http", now=NOW)
    assert not done.rejected
    return done.batch.to_pylist()[0]


def test_a_plain_row_is_kept_as_it_is():
    """No flags, nothing extra, our own columns filled."""
    row = one(VALUES, time=NOW - timedelta(hours=1), latency_ms=1.5, batch_size=4, status="200", version="2")
    assert {name: row[name] for name in VALUES} == VALUES
    assert row["_flags"] == []
    assert row["_extra"] is None
    assert (row["_id"], row["_version"], row["_source"], row["_received"]) == ("a", "2", "http", NOW)
    assert (row["_time"], row["_latency_ms"], row["_batch_size"], row["_status"]) == (
        NOW - timedelta(hours=1), 1.5, 4, "200",
    )  # fmt: skip


def test_the_batch_has_exactly_the_canonical_columns():
    """Also with no rows."""
    for rows in ([], [Inference(features=VALUES)]):
        assert conform(rows, schema(), source="http", now=NOW).batch.schema == arrow_schema(schema())


@pytest.mark.parametrize(
    ("column", "value", "held"),
    [
        ("temp", True, True),
        ("temp", "0.1", "0.1"),
        ("temp", 10**40, str(10**40)),
        ("temp", 2**53 + 1, 2**53 + 1),
        ("temp", [1.0], [1.0]),
        ("temp", {"a": 1}, {"a": 1}),
        ("seats", 1.5, 1.5),
        ("seats", True, True),
        ("seats", "3", "3"),
        ("seats", 2**63, 2**63),
        ("late", 1, 1),
        ("late", "true", "true"),
        ("carrier", 5, 5),
        ("carrier", 5.5, 5.5),
        ("carrier", True, True),
        ("note", 7, 7),
        ("due", 5, 5),
        ("due", "2026-13-45", "2026-13-45"),
        ("due", True, True),
        ("vector", "ab", "ab"),
        ("vector", [1.0, "x"], [1.0, "x"]),
        ("vector", [1.0, True], [1.0, True]),
    ],
)
def test_a_value_of_another_type_is_null_flagged_and_kept(column, value, held):
    """Whatever Arrow would make of it."""
    row = one({**VALUES, column: value})
    assert row[column] is None
    assert row["_flags"] == [f"retyped:{column}"]
    assert json.loads(row["_extra"]) == {column: held}


@pytest.mark.parametrize(
    ("column", "value", "held"),
    [
        ("temp", 3, 3.0),
        ("temp", 2**63, 2.0**63),
        ("temp", -0.0, 0.0),
        ("temp", np.float32(0.5), 0.5),
        ("seats", 3.0, 3),
        ("seats", -(2**63), -(2**63)),
        ("seats", np.int8(4), 4),
        ("late", np.bool_(False), False),
        ("due", "2013-05-01T12:00:00+02:00", datetime(2013, 5, 1, 10, tzinfo=UTC)),
        ("due", "2013-05-01", datetime(2013, 5, 1, tzinfo=UTC)),
        ("due", datetime(2013, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2013, 5, 1, 10, tzinfo=UTC)),
        ("vector", [1, 2], [1.0, 2.0]),
        ("vector", (1.0,), [1.0]),
        ("vector", np.array([1.0, 2.0], np.float32), [1.0, 2.0]),
        ("vector", [], []),
        ("temp", None, None),
        ("carrier", None, None),
        ("vector", None, None),
    ],
)
def test_the_same_value_in_another_writing_is_exact_and_not_flagged(column, value, held):
    """Integers in numeric columns, whole floats in integer ones, moments with a zone."""
    row = one({**VALUES, column: value})
    assert row[column] == held
    assert row["_flags"] == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_numbers_stay_and_are_flagged(value):
    """In numbers and inside lists."""
    row = one({**VALUES, "temp": value, "vector": [1.0, value]})
    assert str(row["temp"]) == str(value)
    assert row["_flags"] == ["non_finite:temp", "non_finite:vector"]


def test_lone_surrogates_are_replaced_and_flagged():
    """DuckDB would refuse the whole batch; NUL and other oddities round-trip."""
    row = one({**VALUES, "carrier": "\ud800A", "note": "\u202e<script>"})
    assert row["carrier"] == "\ufffdA"
    assert row["note"] == "\u202e<script>"
    assert row["_flags"] == ["surrogate:carrier"]


def test_missing_and_new_columns_are_flagged_and_kept():
    """A changed schema never stops capture."""
    features = {name: value for name, value in VALUES.items() if name != "temp"}
    row = one({**features, "wind": 3, "gust\ud800": math.inf})
    assert row["temp"] is None
    assert sorted(row["_flags"]) == ["missing:temp", "new:gust\ufffd", "new:wind"]
    assert json.loads(row["_extra"]) == {"wind": 3, "gust\ufffd": "inf"}


def test_at_most_a_hundred_unknown_columns_are_kept_and_the_rest_counted():
    """Nothing is dropped silently."""
    row = one({**VALUES, **{f"new{place:04}": place for place in range(250)}})
    assert len(json.loads(row["_extra"])) == 100
    assert len(row["_flags"]) == 101
    assert row["_flags"][-1] == "new_dropped:150"


def test_oddities_stay_with_their_own_row():
    """One odd row in the middle of a batch changes no other."""
    rows = [Inference(id=str(place), features=VALUES, scores=(0.5,)) for place in range(5)]
    rows[2] = Inference(id="2", features={**VALUES, "temp": "hot"}, scores=(0.5,))
    batch = conform(rows, schema(), source="http", now=NOW).batch
    assert batch.column("temp").to_pylist() == [1.5, 1.5, None, 1.5, 1.5]
    assert batch.column("_flags").to_pylist() == [[], [], ["retyped:temp"], [], []]


def test_without_id_one_is_made_and_flagged():
    """Unique within and across batches."""
    rows = [Inference(features=VALUES), Inference(id="mine", features=VALUES), Inference(features=VALUES)]
    ids = []
    for _ in range(2):
        batch = conform(rows, schema(), source="http", now=NOW).batch
        assert batch.column("_flags").to_pylist() == [["no_id"], [], ["no_id"]]
        ids += batch.column("_id").to_pylist()
    assert len(set(ids)) == 5
    assert ids[1] == "mine"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Inference(id="x" * 513), "bad_id"),
        (Inference(id=""), "bad_id"),
        (Inference(id=5), "bad_id"),
        (Inference(id="\ud800"), "bad_id"),
        (Inference(version="V 1"), "bad_version"),
        (Inference(version=None), "bad_version"),
        (Inference(time=NOW + timedelta(minutes=6)), "clock_skew"),
        (Inference(time=datetime(9999, 12, 31, tzinfo=UTC)), "clock_skew"),
    ],
)
def test_rows_that_cannot_be_taken_are_rejected_and_their_neighbours_kept(row, reason):
    """With the row's number and the reason."""
    good = Inference(id="good", features=VALUES)
    done = conform([good, row, good], schema(), source="http", now=NOW)
    assert [(line.row, line.reason) for line in done.rejected] == [(1, reason)]
    assert done.rejected[0].detail
    assert done.batch.column("_id").to_pylist() == ["good", "good"]


def test_times_early_late_missing_and_unreadable():
    """Old is fine, five minutes ahead too; no time is now; an unreadable one is flagged."""
    naive = datetime(1970, 1, 1)  # noqa: DTZ001 - taken as UTC
    times = [naive, NOW + timedelta(minutes=5), None, "2026-13-45", "2013-05-01T00:00:00Z", 17]
    rows = [Inference(id=str(place), time=time, features=VALUES) for place, time in enumerate(times)]
    batch = conform(rows, schema(), source="http", now=NOW).batch
    assert batch.column("_time").to_pylist() == [
        datetime(1970, 1, 1, tzinfo=UTC), times[1], NOW, NOW, datetime(2013, 5, 1, tzinfo=UTC), NOW,
    ]  # fmt: skip
    assert batch.column("_flags").to_pylist() == [[], [], [], ["bad_time"], [], ["bad_time"]]


def test_the_hash_is_of_the_content_not_of_id_time_or_latency():
    """So a retry is the same and another row is not."""
    first = one(VALUES, time=NOW, latency_ms=1.0)["_hash"]
    assert one(VALUES, id="b", latency_ms=2.0, batch_size=3)["_hash"] == first
    others = [one({**VALUES, name: None})["_hash"] for name in VALUES]
    others += [
        one(VALUES, scores=(0.25,))["_hash"],
        one(VALUES, prediction="no")["_hash"],
        one({**VALUES, "z": 1})["_hash"],
    ]
    others += [one({**VALUES, "vector": value})["_hash"] for value in ([2.0, 1.0], [1.0], [], [0.0, 1.0, 2.0])]
    assert len({first, *others}) == len(others) + 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["AA", "UA", "", "\u00e9", None]), min_size=1, max_size=80), st.integers(1, 79))
def test_a_rows_hash_does_not_depend_on_its_batch(carriers, cut):
    """Any split gives the same hashes."""
    rows = [Inference(id="x", features={**VALUES, "carrier": carrier}) for carrier in carriers]
    whole = conform(rows, schema(), source="http", now=NOW).batch.column("_hash").to_pylist()
    parts = [conform(part, schema(), source="http", now=NOW).batch for part in (rows[:cut], rows[cut:]) if part]
    assert [value for part in parts for value in part.column("_hash").to_pylist()] == whole


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.floats(), max_size=3)
    | st.binary()
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*KINDS, "new"]), ANY), min_size=1, max_size=4))
def test_any_values_at_all_are_conformed_and_readable(rows):
    """Never an exception; every value is in its column, in _extra, or null."""
    batch = conform([Inference(features=row) for row in rows], schema(), source="http", now=NOW).batch
    batch.validate(full=True)
    for row, said in zip(rows, batch.to_pylist(), strict=True):
        extra = json.loads(said["_extra"] or "{}")
        for name in KINDS:
            flagged = f"retyped:{name}" in said["_flags"]
            assert flagged == (name in extra)
            assert (f"missing:{name}" in said["_flags"]) == (name not in row)
            if row.get(name) is not None and not flagged:
                assert said[name] is not None


def test_a_body_of_which_no_row_is_taken_is_answered_row_by_row():
    """As when the clock of a client is fast: every row is refused with its reason, and nothing breaks."""
    rows = [Inference(id=str(place), time=NOW + timedelta(days=1), features={}, scores=(0.5,)) for place in range(3)]
    done = conform(rows, schema(), source="http", now=NOW)
    assert done.batch.num_rows == 0
    assert done.batch.schema.equals(arrow_schema(schema()))
    assert [(bad.row, bad.reason) for bad in done.rejected] == [(0, "clock_skew"), (1, "clock_skew"), (2, "clock_skew")]
