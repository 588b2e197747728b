"""The same rows give the same bytes, however they are split, ordered and merged."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profile import PIECES, make_binning, merge, profile, profile_outcomes
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(
        Feature(name="x", kind=Kind.NUMERIC),
        Feature(name="city", kind=Kind.CATEGORICAL),
        Feature(name="ok", kind=Kind.BOOLEAN),
        Feature(name="note", kind=Kind.TEXT),
        Feature(name="key", kind=Kind.ID),
    ),
)
SEGMENTS = ("city", "ok", "x")
START = datetime(2024, 3, 1, tzinfo=UTC)
ROW = st.fixed_dictionaries(
    {
        "_version": st.sampled_from(["1", "2"]),
        "_time": st.integers(0, 3 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
        "_flags": st.sampled_from([[], ["retyped:x"], ["no_id", "retyped:city"]]),
        "_score": st.none() | st.floats(0, 1),
        "_prediction": st.sampled_from(["no", "yes", "maybe", None]),
        "_latency_ms": st.none() | st.floats(0, 1e7),
        "_label": st.sampled_from(["no", "yes", "eh", None]),
        "_sign": st.sampled_from([1, -1]),
        "x": st.none() | st.floats() | st.sampled_from([0.0, -0.0, 0.1, float(np.float32(0.1)), 1e308, -1e308]),
        "city": st.none() | st.sampled_from(["Ulm", "Bonn", "Köln", "Oslo"]),
        "ok": st.none() | st.booleans(),
        "note": st.none() | st.text(max_size=4),
        "key": st.none() | st.just("k"),
    }
)
TYPES = pa.schema(
    [
        ("_version", pa.string()),
        ("_time", pa.timestamp("us", tz="UTC")),
        ("_flags", pa.list_(pa.string())),
        ("_score", pa.float64()),
        ("_prediction", pa.string()),
        ("_latency_ms", pa.float64()),
        ("_label", pa.string()),
        ("_sign", pa.int8()),
        ("x", pa.float64()),
        ("city", pa.string()),
        ("ok", pa.bool_()),
        ("note", pa.string()),
        ("key", pa.string()),
    ]
)
REFERENCE = pa.table(
    {
        "x": np.random.default_rng(0).normal(size=999),
        "city": np.random.default_rng(1).choice(["Ulm", "Bonn", "Köln"], 999),
        "ok": np.arange(999) % 3 == 0,
        "note": ["abc"[: i % 4] for i in range(999)],
    }
)
BINNING = make_binning(REFERENCE, SCHEMA)


def digest(table: pa.Table) -> str:
    """Return the SHA-256 of every value's bytes."""
    sha = hashlib.sha256()
    for name in ("version", "segment", "hour", "column", "binning"):
        sha.update(repr(table[name].to_pylist()).encode())
    counts = table["counts"].combine_chunks()
    sha.update(counts.offsets.to_numpy().tobytes() + counts.values.to_numpy().tobytes())
    sha.update(table["minimum"].to_numpy().tobytes() + table["maximum"].to_numpy().tobytes())
    return sha.hexdigest()


def whole(table: pa.Table) -> pa.Table:
    """Return all the pieces of a table."""
    made = [make(table, SCHEMA, BINNING, SEGMENTS) for make in (profile, profile_outcomes)]
    return pa.concat_tables(made)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(rows=st.lists(ROW, min_size=1, max_size=30), data=st.data())
def test_any_split_order_and_nesting_of_merges_gives_the_same_bytes(rows, data):
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    bounds = [0, *cuts, len(rows)]
    parts = [whole(pa.Table.from_pylist(shuffled[low:high], TYPES)) for low, high in itertools.pairwise(bounds)]
    middle = len(parts) // 2
    half = merge(pa.concat_tables(parts[middle:]))
    nested = merge(pa.concat_tables([*parts[:middle], half]))
    assert digest(nested) == digest(merge(whole(pa.Table.from_pylist(rows, TYPES))))


@settings(deadline=None, max_examples=50, derandomize=True)
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_a_label_taken_back_leaves_nothing(rows):
    taken = [row | {"_sign": -row["_sign"]} for row in rows]
    both = pa.concat_tables(
        [profile_outcomes(pa.Table.from_pylist(part, TYPES), SCHEMA, BINNING, SEGMENTS) for part in (rows, taken)]
    )
    assert not merge(both)["counts"].combine_chunks().values.to_numpy().any()


def test_many_rows_over_many_hours_match_their_parts():
    rng = np.random.default_rng(5)
    rows = 20_000
    table = pa.table(
        {
            "_version": rng.choice(["1", "2"], rows),
            "_time": pa.array(
                rng.integers(0, 50 * 3_600_000_000, rows) + 1_700_000_000_000_000, pa.timestamp("us", tz="UTC")
            ),
            "_flags": pa.array([[]] * rows, pa.list_(pa.string())),
            "_score": rng.random(rows),
            "_prediction": rng.choice(["no", "yes"], rows),
            "_latency_ms": rng.gamma(2, 5, rows),
            "_label": rng.choice(["no", "yes"], rows),
            "_sign": pa.array(np.ones(rows, np.int8)),
            "x": rng.normal(size=rows) * 1e3,
            "city": rng.choice(["Ulm", "Bonn", "Oslo"], rows),
            "ok": rng.random(rows) < 0.5,
            "note": pa.nulls(rows, pa.string()),
            "key": pa.nulls(rows, pa.string()),
        }
    )
    parts = [whole(table.take(part)) for part in np.array_split(rng.permutation(rows), 7)]
    assert digest(merge(pa.concat_tables(parts))) == digest(merge(whole(table)))


def test_no_rows_give_no_pieces():
    empty = TYPES.empty_table()
    assert whole(empty).num_rows == 0
    assert merge(whole(empty)).num_rows == 0
    assert profile(empty, SCHEMA, BINNING).schema == PIECES


def test_pieces_of_several_columns_or_binnings_are_not_added():
    row = {"_version": "1", "_time": START, "_flags": [], "_sign": 1}
    pieces = profile(pa.Table.from_pylist([row], TYPES), SCHEMA, BINNING)
    with pytest.raises(ValueError, match="several columns"):
        merge(pieces, ["version"])
    renamed = pieces.set_column(4, "binning", pa.array(["other"] * len(pieces)))
    with pytest.raises(ValueError, match="several binnings"):
        merge(pa.concat_tables([pieces, renamed]), ["column"])


def test_pieces_that_need_no_adding_are_laid_out_like_those_that_do():
    """Even where they are a part of a longer table."""
    table = pa.table(
        {
            "column": ["b", "a", "c", "d"],
            "binning": ["x"] * 4,
            "counts": pa.array([[1, 2, 3], [4], [5, 6], []], pa.list_(pa.int64())),
            "minimum": [0.0, 1.0, 2.0, 3.0],
            "maximum": [5.0, 6.0, 7.0, 8.0],
        }
    )
    none = table.set_column(2, "counts", pa.array([[0, 0, 0], [0], [0, 0], []], pa.list_(pa.int64())))
    for part, nothing in ((table, none), (table.slice(1, 2), none.slice(1, 2)), (table.slice(3), none.slice(3))):
        alone, added = (
            merge(part, ["column", "binning"]),
            merge(pa.concat_tables([part, nothing]), ["column", "binning"]),
        )
        counts, sums = alone["counts"].combine_chunks(), added["counts"].combine_chunks()
        assert alone.to_pylist() == sorted(part.to_pylist(), key=lambda row: row["column"])
        assert counts.equals(sums)
        assert counts.offsets.equals(sums.offsets)
        assert counts.values.equals(sums.values)
