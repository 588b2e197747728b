"""Rows are grouped by version, segment and hour, and read back."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.errors import InvalidInput
from monitor.profile import PIECES, ColumnProfile, make_binning, merge, profile, read
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(
        Feature(name="x", kind=Kind.NUMERIC),
        Feature(name="city", kind=Kind.CATEGORICAL),
        Feature(name="ok", kind=Kind.BOOLEAN),
    ),
)
REFERENCE = pa.table({"x": np.arange(1000.0), "city": [f"c{i % 30:02}" for i in range(1000)], "ok": [True] * 1000})
BINNING = make_binning(REFERENCE, SCHEMA)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 3, 1, hour, minute, tzinfo=UTC)


def segment_of(pieces: pa.Table, name: str, column: str = "x") -> ColumnProfile:
    """Return the profile of one segment."""
    return read(pieces.filter(pc.equal(pieces["segment"], name)), BINNING, SCHEMA)[column]


def test_pieces_are_by_version_and_utc_hour(canonical):
    batch = canonical(
        4,
        _version=["1", "1", "2", "1"],
        _time=pa.array([at(3), at(3, 59), at(3), at(4)], pa.timestamp("us", tz="UTC")),
        x=[1.0, 2.0, 3.0, 4.0],
    )
    pieces = profile(batch, SCHEMA, BINNING)
    assert pieces.schema == PIECES
    rows = pieces.filter(pc.equal(pieces["column"], "x")).to_pylist()
    found = {(row["version"], row["hour"], row["minimum"], row["maximum"]) for row in rows}
    assert found == {("1", at(3), 1.0, 2.0), ("2", at(3), 3.0, 3.0), ("1", at(4), 4.0, 4.0)}
    assert {row["segment"] for row in rows} == {"all"}


def test_hours_before_1970_and_other_zones_are_the_right_utc_hour(canonical):
    batch = canonical(1, _time=pa.array([datetime(1969, 12, 31, 23, 30, tzinfo=UTC)], pa.timestamp("us", tz="UTC")))
    assert profile(batch, SCHEMA, BINNING)["hour"][0].as_py() == datetime(1969, 12, 31, 23, tzinfo=UTC)


def test_categorical_segments_are_the_first_twenty_other_and_null(canonical):
    frequent = BINNING.columns["city"].values
    batch = canonical(4, city=[frequent[0], frequent[25], None, "unseen"], x=[1.0, 2.0, 3.0, 4.0])
    pieces = profile(batch, SCHEMA, BINNING, ["city"])
    names = set(pieces["segment"].to_pylist())
    assert names == {"all", f"city={frequent[0]}", "city=other", "city=null"}
    assert segment_of(pieces, "city=other").rows == 2
    assert segment_of(pieces, "city=null").mean == pytest.approx(3, abs=1e-3)
    assert segment_of(pieces, "all").rows == 4


def test_retyped_values_of_a_segment_are_in_its_null_segment(canonical):
    batch = canonical(1, city=pa.array([None], pa.string()), _flags=[["retyped:city"]])
    pieces = profile(batch, SCHEMA, BINNING, ["city"])
    assert segment_of(pieces, "city=null", "city").invalid == 1


def test_boolean_and_numeric_segments(canonical):
    batch = canonical(4, ok=[True, False, None, True], x=[0.0, 300.0, None, 5000.0])
    pieces = profile(batch, SCHEMA, BINNING, ["ok", "x"])
    names = sorted(set(pieces["segment"].to_pylist()))
    assert names[:4] == ["all", "ok=false", "ok=null", "ok=true"]
    assert len(names) == 8
    ranges = [name for name in names if name.startswith("x=")]
    assert sum(segment_of(pieces, name).rows for name in ranges) == 4


def test_every_segmentation_holds_every_row(canonical):
    rng = np.random.default_rng(0)
    batch = canonical(
        500,
        city=rng.choice([*BINNING.columns["city"].values, "new", None], 500),
        ok=pa.array(rng.random(500) < 0.5, mask=rng.random(500) < 0.1),
        x=pa.array(rng.normal(size=500) * 900, mask=rng.random(500) < 0.1),
    )
    pieces = profile(batch, SCHEMA, BINNING, ["city", "ok", "x"])
    whole = segment_of(pieces, "all")
    for feature in ("city", "ok", "x"):
        part = pieces.filter(pc.starts_with(pieces["segment"], feature + "="))
        again = read(part, BINNING, SCHEMA)["x"]
        assert again.counts.tolist() == whole.counts.tolist()
        assert (again.minimum, again.maximum) == (whole.minimum, whole.maximum)


@pytest.mark.parametrize("name", ["nope", "_score"])
def test_a_segment_that_is_no_feature_is_refused(name, canonical):
    with pytest.raises(InvalidInput, match=r"segment .* there are x, city, ok"):
        profile(canonical(1, x=[1.0]), SCHEMA, BINNING, [name])


def test_retyped_and_missing_columns_are_counted(canonical):
    batch = canonical(3, x=[1.0, None, None], _flags=[["no_id"], ["retyped:x", "new:y"], ["missing:x"]])
    profiles = read(profile(batch, SCHEMA, BINNING), BINNING, SCHEMA)
    x = profiles["x"]
    assert (x.rows, x.present, x.invalid, x.nulls) == (3, 1, 1, 1)
    assert profiles["city"].nulls == profiles["ok"].nulls == 3


def test_a_binning_made_elsewhere_is_refused(canonical):
    other = make_binning(REFERENCE.slice(1), SCHEMA)
    with pytest.raises(ValueError, match="made with binning"):
        read(profile(canonical(1), SCHEMA, BINNING), other, SCHEMA)


def test_merge_keeps_only_the_keys_asked_for(canonical):
    batch = canonical(2, _version=["1", "2"], x=[1.0, 2.0])
    merged = merge(profile(batch, SCHEMA, BINNING), ["segment", "column", "binning"])
    assert merged.column_names == ["segment", "column", "binning", "counts", "minimum", "maximum"]
    assert merged["column"].to_pylist() == sorted(BINNING.columns)
    assert read(merged, BINNING, SCHEMA)["x"].rows == 2


def test_damaged_pieces_are_refused(canonical):
    pieces = profile(canonical(1, x=[1.0]), SCHEMA, BINNING)
    short = pa.array([[1]] * len(pieces), pa.list_(pa.int64()))
    with pytest.raises(ValueError, match="damaged"):
        merge(pa.concat_tables([pieces, pieces.set_column(5, "counts", short)]))


def test_a_feature_newer_than_the_binning_is_one_segment(canonical):
    schema = replace(SCHEMA, features=(*SCHEMA.features, Feature(name="new", kind=Kind.CATEGORICAL)))
    pieces = profile(canonical(2, new=["a", None]), schema, BINNING, ["new"])
    assert set(pieces["segment"].to_pylist()) == {"all", "new=other", "new=null"}


def test_a_batch_in_several_chunks_is_one_batch(canonical):
    one = canonical(3, x=[1.0, None, 3.0], city=["c01", None, "zz"], _flags=[["retyped:x"], [], []])
    parts = pa.concat_tables([one.slice(0, 1), one.slice(1)])
    assert profile(parts, SCHEMA, BINNING, ["city"]).equals(profile(one, SCHEMA, BINNING, ["city"]))
