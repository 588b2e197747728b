"""Device time and memory are profiled where rows carry them, and cost nothing where they do not."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from monitor.profile import PIECES, make_binning, merge, profile, read
from monitor.profile.binning import DEVICE, MEMORY
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(Feature(name="x", kind=Kind.NUMERIC), Feature(name="city", kind=Kind.CATEGORICAL)),
)
START = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def batch(canonical):
    """200 rows over three hours, half of them with a device."""
    rng = np.random.default_rng(7)
    rows = 200
    some = rng.random(rows) < 0.5
    return canonical(
        rows,
        _time=pa.array(
            [START + timedelta(minutes=int(m)) for m in rng.integers(0, 180, rows)], PIECES.field("hour").type
        ),
        x=rng.normal(size=rows),
        city=[str(each) for each in rng.choice(["a", "b"], rows)],
        _device_ms=pa.array(rng.lognormal(1, 1, rows), mask=~some),
        _memory_mb=pa.array(rng.uniform(100, 9000, rows), mask=~some),
    )


def test_rows_without_a_device_give_the_same_bytes_as_before(batch, canonical):
    """Neither the binning nor a single piece changes by columns that hold nothing."""
    bare = batch.drop_columns([DEVICE, MEMORY])
    empty = bare.append_column(DEVICE, pa.nulls(200, pa.float64())).append_column(MEMORY, pa.nulls(200, pa.float64()))
    binning = make_binning(bare, SCHEMA)
    assert make_binning(empty, SCHEMA).id == binning.id == make_binning(batch, SCHEMA).id
    assert profile(empty, SCHEMA, binning, ["city"]).equals(profile(bare, SCHEMA, binning, ["city"]))
    columns = set(profile(batch, SCHEMA, binning)["column"].to_pylist())
    assert columns - set(profile(bare, SCHEMA, binning)["column"].to_pylist()) == {DEVICE, MEMORY}


@pytest.mark.parametrize("cuts", [[], [1], [50, 51, 199], [100]])
def test_any_split_of_the_rows_merges_to_the_same_bytes(batch, cuts):
    """A batch in which no row of an hour has a device says the same as if it had come with the others."""
    binning = make_binning(batch, SCHEMA)
    order = pa.array(np.argsort(batch[DEVICE].is_null().to_numpy(), kind="stable"))
    edges = [0, *cuts, 200]
    parts = [batch.take(order).slice(low, high - low) for low, high in itertools.pairwise(edges)]
    whole = merge(profile(batch, SCHEMA, binning, ["city"]))
    pieces = merge(pa.concat_tables([profile(part, SCHEMA, binning, ["city"]) for part in parts]))
    assert pieces.equals(whole)


@pytest.mark.parametrize("column", [DEVICE, MEMORY])
def test_quantiles_are_those_of_the_rows_that_have_it(batch, column):
    """Within the width of a bin; rows without a device are not counted as nulls."""
    binning = make_binning(batch, SCHEMA)
    found = read(profile(batch, SCHEMA, binning), binning, SCHEMA)[column]
    values = batch[column].drop_null().to_numpy()
    assert (found.rows, found.present, found.nulls) == (len(values), len(values), 0)
    for q in (0.5, 0.95, 0.99):
        assert math.isclose(found.quantile(q), np.quantile(values, q), rel_tol=0.12)
    assert math.isclose(found.mean, values.mean(), rel_tol=1e-6)
