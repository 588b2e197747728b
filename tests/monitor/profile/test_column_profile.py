"""A column's profile says what numpy says of its values."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profile import Binning, ColumnProfile, NumericBins, make_binning, profile, read
from monitor.profile.edges import BINS, latency_edges, location, reference_edges, score_edges
from monitor.types import Feature, Kind, ModelSchema, Task

RNG = np.random.default_rng(7)
STREAMS = {
    "normal": RNG.normal(50, 9, 30_000),
    "lognormal": RNG.lognormal(3, 2, 30_000),
    "pareto": RNG.pareto(1.5, 30_000),
    "integers": RNG.integers(0, 12, 30_000).astype(float),
    "epochs": 1.7e9 + RNG.integers(0, 86_400, 30_000),
    "tiny": RNG.normal(0, 1e-12, 30_000),
    "huge": RNG.normal(0, 1e300, 30_000),
}


@pytest.mark.parametrize("name", STREAMS)
def test_mean_and_deviation_are_within_a_millionth_of_a_deviation(name, profiles):
    values = STREAMS[name]
    current = values[:5000] * 1.01
    for found, truth in zip(profiles(Kind.NUMERIC, values, current), (values, current), strict=True):
        size = np.abs(truth).max()
        sd = (values / size).std() * size
        assert found.mean == pytest.approx((truth / size).mean() * size, abs=1e-6 * sd)
        assert found.std == pytest.approx((truth / size).std() * size, abs=1e-6 * sd)


def test_a_unit_change_keeps_its_mean(profiles):
    values = STREAMS["normal"]
    _, changed = profiles(Kind.NUMERIC, values, values * 1000)
    assert changed.mean == pytest.approx((values * 1000).mean(), rel=1e-9)
    assert changed.std == pytest.approx((values * 1000).std(), rel=1e-9)


def test_a_constant_far_from_the_reference_has_no_deviation(profiles):
    _, constant = profiles(Kind.NUMERIC, STREAMS["normal"], [1e6] * 1000)
    assert constant.std == 0
    assert constant.mean == pytest.approx(1e6, abs=1e-5)


@pytest.mark.parametrize("name", STREAMS)
def test_every_reference_row_is_in_range_and_in_one_slot(name, profiles):
    values = STREAMS[name]
    (profile,) = profiles(Kind.NUMERIC, values)
    assert (profile.below, profile.above, profile.rows, profile.present) == (0, 0, len(values), len(values))
    assert (profile.minimum, profile.maximum) == (values.min(), values.max())
    expected = np.histogram(values, np.append(profile.binning.edges[:-1], np.inf))[0]
    assert profile.bins.tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["normal", "lognormal", "pareto"])
def test_bins_are_240_of_equal_mass_and_hold_the_deciles(name):
    values = STREAMS[name]
    edges = reference_edges(values)
    assert len(edges) == BINS + 1
    assert np.histogram(values, edges)[0].tolist() == [len(values) // BINS] * BINS
    inside = np.searchsorted(np.sort(values), edges[24:-1:24])
    assert inside.tolist() == [len(values) * k // 10 for k in range(1, 10)]


@pytest.mark.parametrize("name", STREAMS)
def test_quantiles_are_within_their_bin(name, profiles):
    (profile,) = profiles(Kind.NUMERIC, STREAMS[name])
    edges = profile.binning.edges
    for q in (0.01, 0.1, 0.5, 0.9, 0.95, 0.99):
        truth = np.quantile(STREAMS[name], q, method="inverted_cdf")
        place = np.searchsorted(edges, truth, side="right")
        assert edges[max(0, place - 2)] <= profile.quantile(q) <= edges[min(place + 1, len(edges) - 1)]
    assert profile.quantile(0) == profile.minimum
    assert profile.quantile(1) == pytest.approx(profile.maximum)


def test_latency_quantiles_are_within_ten_percent(canonical):
    latency = RNG.gamma(2, 7, 20_000)
    schema = ModelSchema(model="m", task=Task.BINARY, features=(), classes=("no", "yes"))
    batch = canonical(len(latency), _latency_ms=latency)
    binning = make_binning(batch, schema)
    latencies = read(profile(batch, schema, binning), binning, schema)["_latency_ms"]
    for q in (0.5, 0.95, 0.99):
        assert latencies.quantile(q) == pytest.approx(np.quantile(latency, q), rel=0.03)


def test_fp32_and_json_meet_in_one_bin(profiles):
    """A tenth that came as FP32 and one that came as JSON are the same value, and the rounded extremes are in range."""
    values = np.round(np.arange(1, 10) / 10, 1)
    json_profile, fp32 = profiles(Kind.NUMERIC, values, values.astype(np.float32).astype(float))
    assert fp32.mass.tolist() == json_profile.mass.tolist()


def test_minus_zero_is_zero(profiles):
    zero, minus = profiles(Kind.NUMERIC, [-1.0, 0.0, 1.0], [-1.0, -0.0, 1.0])
    assert zero.counts.tobytes() == minus.counts.tobytes()
    (only,) = profiles(Kind.NUMERIC, [-0.0])
    assert math.copysign(1, only.minimum) == 1


def test_every_row_is_counted_by_what_it_holds(profiles):
    odd = [None, float("nan"), float("inf"), float("-inf"), -9.0, 9.0, 1.0]
    _, profile = profiles(Kind.NUMERIC, [1.0, 2.0], odd)
    assert (profile.rows, profile.nulls, profile.non_finite) == (7, 1, 3)
    assert (profile.below, profile.above, profile.bins.tolist()) == (1, 1, [1, 0])
    assert (profile.present, profile.minimum, profile.maximum) == (3, -9.0, 9.0)
    assert profile.mean == pytest.approx(1 / 3, abs=1e-6)


def test_categories_other_and_unseen(profiles):
    reference = [f"v{i:03}" for i in range(60) for _ in range(100 - i)]
    frozen, profile = profiles(Kind.CATEGORICAL, reference, ["v000", "v059", "new", None])
    assert frozen.binning.values == tuple(f"v{i:03}" for i in range(50))
    assert (profile.bins[0], profile.other, profile.unseen, profile.nulls, profile.rows) == (1, 1, 1, 1, 4)
    assert frozen.other == sum(100 - i for i in range(50, 60))
    assert len(profile.labels) == len(profile.mass) == 52


@pytest.mark.parametrize(
    ("kind", "values", "mean"),
    [
        (Kind.INTEGER, [1, None, 4], 2.5),
        (Kind.BOOLEAN, [True, False, None, True], 2 / 3),
        (Kind.TEXT, ["abc", "", "né", None], 5 / 3),
        (Kind.EMBEDDING, [[1.0, 2.0], [3.0], None], 1.5),
        (Kind.TIMESTAMP, [datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)], 1704067201.0),
    ],
)
def test_other_kinds_are_profiled_as_numbers(kind, values, mean, profiles):
    (profile,) = profiles(kind, values)
    assert profile.mean == pytest.approx(mean, rel=1e-6)
    assert profile.nulls == sum(value is None for value in values)


@pytest.mark.parametrize("kind", [Kind.ID, Kind.IMAGE])
def test_ids_and_images_are_only_counted(kind, profiles):
    (profile,) = profiles(kind, ["a", "b", None])
    assert (profile.rows, profile.nulls, profile.other, profile.unseen) == (3, 1, 2, 0)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("reference", [[], [None, None]], ids=["empty", "all null"])
def test_any_kind_without_reference_values_has_a_profile(kind, reference, profiles):
    frozen, again = profiles(kind, reference, [None])
    assert (frozen.rows, again.nulls) == (len(reference), 1)
    assert math.isnan(frozen.mean)
    assert math.isnan(frozen.quantile(0.5))


def test_values_after_an_empty_reference_count_as_out_of_range(profiles):
    _, later = profiles(Kind.NUMERIC, [None], [1.0, 2.0])
    assert (later.below + later.above, later.present, later.quantile(0.5)) == (2, 2, 1.5)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.lists(st.floats(-1e308, 1e308) | st.sampled_from([0.0, 5e-324, 1e-310]), min_size=1, max_size=400))
def test_edges_are_increasing_and_enclose_the_values(values):
    edges = reference_edges(np.array(values) + 0.0)
    assert np.all(np.diff(edges) > 0)
    assert edges[0] <= min(values)
    assert max(values) < edges[-1]
    assert len(edges) <= BINS + 1


def test_fixed_edges():
    assert len(score_edges(0.5)) == 1001
    assert 0.3137 in score_edges(0.3137)
    for threshold in (0.0, 1e-9, 0.5, 1 - 1e-9, 1.0):
        assert np.all(np.diff(score_edges(threshold)) > 0)
    assert (latency_edges()[0], round(latency_edges()[-1])) == (0.01, 3_600_000)


@pytest.mark.parametrize("least", [1.0, -1e15, 1e200, 1e307, -1e308])
def test_values_apart_by_the_last_digits_have_a_finite_scale_wherever_they_lie(least):
    values = least * (1 + np.array([0, 3, 7, 12]) * 1e-14)
    center, scale = location(values)
    assert values.min() <= center <= values.max()
    assert scale == pytest.approx(float(np.std((values - least) / least)) * abs(least), rel=1e-6)


def test_the_scale_of_the_least_numbers_there_are_is_not_zero():
    assert location(np.array([5e-324, 0.0]))[1] > 0


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_double_survives_being_written_as_json(values):
    binning = Binning.of({"x": NumericBins(np.array(values), values[0], values[-1], np.array(values[:9]))})
    again = Binning.from_json(binning.to_json()).columns["x"]
    assert again.edges.tobytes() == np.array(values).tobytes()
    assert again.deciles.tobytes() == np.array(values[:9]).tobytes()
    assert np.array([again.center, again.scale]).tobytes() == np.array([values[0], values[-1]]).tobytes()


def test_binning_round_trips_exactly_through_json(profiles):
    schema = ModelSchema(
        model="m",
        task=Task.REGRESSION,
        features=(Feature(name="x", kind=Kind.NUMERIC), Feature(name="c", kind=Kind.CATEGORICAL)),
    )
    table = pa.table({"x": STREAMS["lognormal"], "c": ["é", "b", "b"] * 10_000, "_score": STREAMS["huge"]})
    binning = make_binning(table, schema)
    again = Binning.from_json(binning.to_json())
    assert again.to_json() == binning.to_json()
    assert again.id == binning.id == Binning.of(again.columns).id
    assert again.columns["x"].edges.tobytes() == binning.columns["x"].edges.tobytes()
    assert (again.columns["x"].center, again.columns["x"].scale) == (
        binning.columns["x"].center,
        binning.columns["x"].scale,
    )
    assert again.columns["c"].known == {"é", "b"}
    assert json.loads(binning.to_json())["id"] == binning.id
    assert make_binning(table.slice(1), schema).id != binning.id


def test_adding_profiles_of_other_columns_is_refused(profiles):
    one, two = profiles(Kind.NUMERIC, [1.0, 2.0], [1.5])
    assert (one + two).rows == 3
    with pytest.raises(ValueError, match="do not add up"):
        _ = one + ColumnProfile("y", one.binning, one.counts)
    with pytest.raises(ValueError, match="counters"):
        ColumnProfile("x", one.binning, one.counts[:-1])


def test_the_mean_of_equal_values_is_that_value(profiles):
    """Fixed-point rounding never shows: a dry day has 0 inches of rain, not 4.7e-11."""
    _, zeros, tenths = profiles(Kind.NUMERIC, [0.0, 0.01, 0.3], [0.0] * 50, [0.1] * 50)
    assert zeros.mean == 0
    assert tenths.mean == 0.1
