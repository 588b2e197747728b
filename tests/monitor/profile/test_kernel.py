"""Every kernel counts what the definition of the bins says, on any numbers and any edges."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.profile import kernel
from monitor.profile.binning import Binning, NumericBins
from monitor.profile.build import profile
from monitor.types import Feature, Kind, ModelSchema, Task

LARGEST = np.finfo(np.float64).max
ODD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 2.2e-308, LARGEST, -LARGEST, 1.0, -1.0]
KERNELS = kernel.named()


def by_definition(values: list[float], edges: list[float]) -> list[int]:
    """Count one value after the other: NaN, +inf, −inf, then by how many edges are at or below it."""
    counts = [0] * (4 + len(edges))
    for value in values:
        if value != value:
            counts[0] += 1
        elif value in (np.inf, -np.inf):
            counts[1 if value > 0 else 2] += 1
        else:
            counts[3 + sum(edge <= value for edge in edges)] += 1
    return counts


finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=150, deadline=None)
@given(
    st.lists(finite | st.integers(-5, 5).map(float), max_size=241, unique=True),
    st.lists(st.floats() | st.integers(-5, 5).map(float), max_size=60),
)
def test_any_numbers_in_any_bins(name, edges, values):
    edges = sorted(set(edges))
    with np.errstate(over="ignore"):
        values = [*values, *edges, *ODD, *np.nextafter(edges, np.inf), *np.nextafter(edges, -np.inf)]
    found = KERNELS[name](np.array(values), np.array(edges, dtype=np.float64))
    assert found.tolist() == by_definition(values, edges)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 120, 240, 241])
@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.normal(size=n),
        lambda rng, n: rng.lognormal(0, 3, n),
        lambda rng, n: -rng.pareto(1, n),
        lambda rng, n: rng.standard_cauchy(n),
        lambda rng, n: rng.integers(-50, 50, n).astype(float),
        lambda rng, n: np.full(n, 3.5),
        lambda rng, n: rng.normal(size=n) * 1e308,
        lambda rng, n: rng.random(n) * 1e-310,
    ],
)
def test_columns_longer_than_a_block(name, size, draw):
    rng = np.random.default_rng(size)
    with np.errstate(over="ignore"):
        values = draw(rng, 40_003)
    edges = np.unique(values[np.isfinite(values)][: 5 * size])[:size]
    values[rng.integers(0, len(values), 200)] = rng.choice(ODD, 200)
    finite_ones = values[np.isfinite(values)]
    expected = np.bincount(np.searchsorted(edges, finite_ones, side="right"), minlength=len(edges) + 1)
    found = KERNELS[name](values, edges)
    assert found[3:].tolist() == expected.tolist()
    assert found[:3].tolist() == [np.isnan(values).sum(), (values == np.inf).sum(), (values == -np.inf).sum()]


def test_numba_is_among_the_kernels_that_are_tested():
    """The development environment has it; without this the compiled kernel could go untested unnoticed."""
    assert set(KERNELS) == {"numpy", "numba"}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("rows", [100, 30_000])
def test_pieces_are_the_same_bytes_whatever_the_kernel_and_the_split(name, rows, canonical):
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
    rng = np.random.default_rng(1)
    values = rng.normal(size=rows)
    values[:12] = ODD
    bins = NumericBins(np.unique(rng.normal(size=241)), 0.0, 1.0)
    binning = Binning.of({"x": bins})
    column = pa.array(values, mask=rng.random(rows) < 0.02)
    flags = [["retyped:x"] if row == 20 else [] for row in range(rows)]
    batch = canonical(rows, x=column, _flags=flags)
    kernel.choose(name)
    try:
        whole = profile(batch, schema, binning)
    finally:
        kernel.choose("auto")
    counts = whole["counts"][0].values.to_numpy()
    assert counts[: bins.HEAD + 242].sum() == rows
    one_by_one = np.zeros_like(counts)
    for start in range(0, rows, max(1, rows // 50)):
        part = profile(batch.slice(start, max(1, rows // 50)), schema, binning)
        one_by_one += part["counts"][0].values.to_numpy()
    assert counts.tolist() == one_by_one.tolist()


def test_a_kernel_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="allowed: auto, numpy, numba"):
        kernel.choose("fortran")


def test_counting_works_without_numba_and_without_a_writable_cache(tmp_path):
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np, importlib.util\n"
        "from monitor.profile import kernel\n"
        "kernel._found['numba'] = False\n"
        "print(kernel.bin_counts(np.arange(200_000.0), np.array([5.0, 10.0])).tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 0, 0, 5, 5, 199990]"
