"""Columns whose values lie close together and far from zero, such as keys, amounts in cents and moments in time."""

import numpy as np
import pytest
from scipy import stats

from monitor.drift.wasserstein_raw import RawWasserstein
from monitor.types import Kind

OFFSETS = {
    "seconds since 1970": (1.77e9, 1_000.0),
    "nanoseconds since 1970": (1.77e18, 1e13),
    "whole numbers beyond 2^53": (2.0**53, 1_000.0),
    "few numbers beyond 2^53": (2.0**53, 50.0),
    "negative": (-(2.0**53), 1_000.0),
}


@pytest.fixture(params=OFFSETS)
def pair(request):
    offset, span = OFFSETS[request.param]
    rng = np.random.default_rng(3)
    return (offset + np.rint(rng.random(8_000) * span), offset + np.rint((rng.random(4_000) * 0.7 + 0.3) * span)), span


def test_mean_and_deviation_are_those_of_the_values(pair, profiles):
    (before, after), span = pair
    for found, values in zip(profiles(Kind.NUMERIC, before, after), (before, after), strict=True):
        exact = np.mean(values - before[0])
        assert found.mean - before[0] == pytest.approx(exact, abs=max(0.002 * span, np.spacing(abs(before[0]))))
        assert found.std == pytest.approx(np.std(values - before[0]), rel=1e-3)


def test_wasserstein_of_values_is_scipy_s_wherever_they_lie(pair, profiles):
    (before, after), span = pair
    truth = stats.wasserstein_distance(before - before[0], after - before[0])
    score = RawWasserstein().score(*profiles(Kind.NUMERIC, before, after))
    assert score == pytest.approx(truth, abs=0.01 * span)


@pytest.mark.parametrize("offset", [-1.77e9, 0.0, 1e6, 1.77e9, 2.0**53])
@pytest.mark.parametrize("step", [2, 14])
def test_another_version_is_as_far_as_its_values_are_though_its_least_is_not_the_bins_least(offset, step, profiles):
    rng = np.random.default_rng(4)
    bins, before, after = (offset + step * rng.integers(*ends, 3_000) for ends in ((0, 10), (5, 8), (7, 10)))
    _, reference, current = profiles(Kind.NUMERIC, bins, before, after)
    truth = stats.wasserstein_distance(before - offset, after - offset)
    assert RawWasserstein().score(reference, current) == pytest.approx(truth, rel=0.01, abs=np.spacing(abs(offset)))


def test_a_distance_of_numbers_that_a_float_hardly_tells_apart_is_not_one_of_their_size(profiles):
    before, after = np.repeat([2.0**53, 2.0**53 + 2], [90, 10]), np.repeat([2.0**53, 2.0**53 + 2], [10, 90])
    assert 1 < RawWasserstein().score(*profiles(Kind.NUMERIC, before, after)) < 4


def test_a_constant_is_its_own_scale_so_that_later_values_have_a_mean(profiles):
    _, later = profiles(Kind.NUMERIC, [1e15] * 50, [3e15] * 50)
    assert later.mean == pytest.approx(3e15)
    _, later = profiles(Kind.NUMERIC, [0.3, 0.1 + 0.2] * 50, [0.7] * 50)  # apart by rounding alone
    assert later.mean == pytest.approx(0.7)
