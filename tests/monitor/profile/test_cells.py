"""Looking up a value's bin finds what searching does, on any numbers and any edges."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profile import make_binning, merge
from monitor.profile.binning import Binning, NumericBins
from monitor.profile.build import profile
from monitor.profile.cells import CELLS, Cells
from monitor.profile.column import NAN, NEGATIVE, NULL, POSITIVE, place
from monitor.profile.comoments import profile_comoments
from monitor.profile.whole import profile_rows
from monitor.types import ALL, Feature, Kind, ModelSchema, Task

LARGEST = np.finfo(np.float64).max
ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 2.2e-308, LARGEST, -LARGEST, 1.0, -1.0])
finite = st.floats(allow_nan=False, allow_infinity=False)
near = st.floats(-10, 10) | st.integers(-5, 5).map(float)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(finite, max_size=40, unique=True) | st.lists(near, max_size=241, unique=True),
    st.lists(st.floats() | near, max_size=60),
    st.integers(0, 2**32),
)
def test_any_numbers_in_any_bins(edges: list[float], values: list[float], seed: int) -> None:
    edges = np.unique(np.array(edges) + 0.0)
    with np.errstate(over="ignore"):
        few = np.concatenate([values, edges, ODD, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    rng = np.random.default_rng(seed)
    many = rng.choice(few, 1_500)
    nulls = rng.random(1_500) < 0.1
    found = place(many, nulls, NumericBins(edges, 0.0, 1.0))
    expected = NumericBins.HEAD + np.searchsorted(edges, many, side="right")
    expected[np.isnan(many)] = NAN
    expected[many == np.inf], expected[many == -np.inf] = POSITIVE, NEGATIVE
    expected[nulls] = NULL
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: -np.log(rng.random(n)),
        lambda rng, n: rng.integers(-50, 50, n).astype(float),
        lambda rng, n: rng.random(n) * 1e300,
    ],
)
def test_columns_longer_than_a_chunk(draw) -> None:
    rng = np.random.default_rng(3)
    values = draw(rng, 40_003)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 241)))
    cells = Cells.of(edges)
    assert cells is not None, "such columns are looked up"
    assert cells.bins(values).tolist() == np.searchsorted(edges, values, side="right").tolist()


@pytest.mark.parametrize(
    "edges",
    [[], [1.0], [0.0, 1e-300, 1e300], [-LARGEST, LARGEST], [0.0, 5e-324], [*np.linspace(0, 1, 240), 1e12]],
)
def test_edges_that_cells_do_not_tell_apart_are_searched(edges: list[float]) -> None:
    found = Cells.of(np.array(edges))
    assert found is None or found.most <= len(edges) < CELLS
    assert len(edges) != 241 or found is None


SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(
        *(Feature(name=f"x{at}", kind=Kind.NUMERIC) for at in range(3)),
        Feature(name="city", kind=Kind.CATEGORICAL),
    ),
)


def batch(rows: int, hours: int) -> pa.Table:
    rng = np.random.default_rng(rows)
    base = np.datetime64("2024-01-01T00:00", "us") + rng.integers(0, hours * 3_600_000_000, rows)
    odd = rng.normal(size=rows)
    odd[rng.integers(0, rows, rows // 20)] = rng.choice(ODD, rows // 20)
    flags = [["retyped:x1"] if each < 0.05 else ["retyped:city"] if each < 0.1 else [] for each in rng.random(rows)]
    return pa.table(
        {
            "_id": [str(at) for at in range(rows)],
            "_version": pa.repeat(pa.scalar("1"), rows),
            "_time": pa.array(base, pa.timestamp("us", tz="UTC")),
            "_flags": pa.array(flags, pa.list_(pa.string())),
            "_score": rng.random(rows),
            "_prediction": rng.choice(["no", "yes"], rows),
            "_latency_ms": rng.lognormal(2, 1, rows),
            "x0": odd,
            "x1": pa.array(rng.lognormal(0, 1, rows), mask=rng.random(rows) < 0.1),
            "x2": rng.integers(0, 9, rows).astype(float),
            "city": rng.choice(["Ulm", "Bonn", "Oslo"], rows),
        }
    )


@pytest.mark.parametrize(("rows", "hours"), [(300, 1), (5_000, 2), (5_000, 40)])
def test_what_is_counted_does_not_depend_on_what_is_shared_or_on_how_many_come_at_once(rows: int, hours: int) -> None:
    """Few rows are searched for and many looked up; either way, and counted apart, profiles have the same bytes."""
    table = batch(rows, hours)
    binning: Binning = make_binning(batch(4_000, 2), SCHEMA)
    together = merge(pa.concat_tables(profile_rows(table, SCHEMA, binning, ("city", "x2"))))
    parts = [table.slice(start, 250) for start in range(0, rows, 250)]
    apart = [profile(part, SCHEMA, binning, ("city", "x2")) for part in parts]
    apart += [profile_comoments(part, SCHEMA, binning) for part in parts]
    assert ALL in together["segment"].to_pylist()
    wanted = merge(pa.concat_tables(apart))
    assert together.filter(pa.compute.is_in(together["column"], wanted["column"].combine_chunks())).equals(wanted)
    assert "_joint" in wanted["column"].to_pylist()
