"""Evidence of harm holds however often one looks, and does not depend on the order in which labels come."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.triage import Loss, bound, harm, lower_bound
from monitor.triage.evidence import BETS, log_wealth


def window(losses: np.ndarray, *, share: bool = True) -> Loss:
    return Loss(len(losses), float(losses.sum()), float((losses**2).sum()), share)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    losses=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=60), most=st.floats(0.01, 0.95), cut=st.integers()
)
def test_wealth_is_the_product_of_the_bets_in_any_split(losses: list[float], most: float, cut: int) -> None:
    sample = np.array(losses)
    direct = [math.prod(1 + bet * (x / most - 1) for x in losses) for bet in BETS]
    assert np.exp(log_wealth(window(sample), most)) == pytest.approx(direct, rel=1e-9)
    at = cut % len(losses)
    parts = log_wealth(window(sample[:at]), most) + log_wealth(window(sample[at:]), most)
    assert parts == pytest.approx(log_wealth(window(sample), most), abs=1e-9)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(losses=st.lists(st.floats(0, 50), min_size=1, max_size=40), most=st.floats(0.1, 5))
def test_of_losses_of_any_size_it_is_never_more_than_the_product(losses: list[float], most: float) -> None:
    sample = np.array(losses)
    exact = np.array([sum(math.log1p(bet * (x / most - 1)) for x in losses) for bet in BETS])
    assert (log_wealth(window(sample, share=False), most) <= exact + 1e-9).all()


def test_the_lower_bound_is_passed_by_the_mean_at_any_look_in_fewer_than_one_of_twenty_streams() -> None:
    rng, wrong, streams, mean = np.random.default_rng(0), 0, 600, 0.2
    for _ in range(streams):
        total = np.cumsum(rng.random(3_000) < mean)
        looks = np.array([*range(10, 200, 10), *range(200, 3_000, 50)])
        far = total[looks - 1] / looks > mean + 2 * np.sqrt(mean * (1 - mean) / looks)  # others cannot be passed
        wrong += any(lower_bound(Loss(int(at), *[float(total[at - 1])] * 2)) > mean for at in looks[far])
    assert wrong / streams < 0.05


def test_pages_where_loss_is_just_tolerated_are_as_rare_as_the_dial_says() -> None:
    rng, told, windows = np.random.default_rng(1), 0, 9_000
    losses = [Loss(200, float(k), float(k)) for k in rng.binomial(200, 0.2, windows)]
    told = sum(each.new for each in harm(losses, 0.2, dial=9.0))
    assert 0 < told <= 9.0 / 90 * windows


def test_harm_is_told_in_the_chunk_it_begins_and_is_over_when_loss_is_tolerated_again() -> None:
    rng = np.random.default_rng(2)
    losses = [Loss(1_000, float(k), float(k)) for k in rng.binomial(1_000, [0.1] * 30 + [0.2] * 4 + [0.1] * 6)]
    known = harm(losses, 0.12)
    assert [at for at, each in enumerate(known) if each.new] == [30]
    assert known[31].since == 30
    assert known[31].loss.rows == 2_000
    assert [each.open for each in known[30:38]] == [True] * 6 + [False] * 2


def test_harm_is_told_to_have_begun_when_it_did_though_loss_was_near_the_bound_before() -> None:
    """Weeks of loss just below what is tolerated gather a little evidence; that is not when the fall began."""
    rng = np.random.default_rng(5)
    days = rng.binomial(600, [0.29] * 24 + [0.48] * 3)
    known = harm([Loss(600, float(k), float(k)) for k in days], 0.31)
    assert (known[24].new, [each.since for each in known[24:]]) == (True, [24] * 3)
    errors = [rng.exponential(4.0, 480) + 10 * (day >= 20) for day in range(23)]
    dollars = harm([Loss(480, float(e.sum()), float((e**2).sum()), share=False) for e in errors], 4.4)
    assert (dollars[20].new, [each.since for each in dollars[20:]]) == (True, [20] * 3)


@pytest.mark.parametrize("size", [1e154, 1e200, 1e300, np.inf])
def test_losses_at_the_end_of_all_numbers_are_no_error_and_no_harm_that_is_not_known(size: float) -> None:
    """Their squares are beyond all numbers: all that is known of a row is that its loss is not below 0."""
    ordinary = [Loss(100, size * k, size * k * size * k, share=False) for k in (95.0, 105.0, 100.0, 98.0, 102.0)]
    told = bound("mae", ordinary)
    assert told is not None
    assert told.usual == (pytest.approx(100 * size / 100, rel=0.1) if np.isfinite(size) else np.inf)
    finite = told.most if np.isfinite(told.most) else 1.0
    assert not any(each.open for each in harm(ordinary * 5, finite))


def test_windows_without_labels_say_nothing() -> None:
    assert not any(each.open for each in harm([Loss(0, 0.0, 0.0)] * 5, 0.1))


def test_default_tolerance_is_what_days_differ_by_beyond_sampling() -> None:
    rng = np.random.default_rng(3)
    means = np.clip(rng.normal(0.2, 0.03, 400), 0, 1)
    days = [Loss(1_000, float(k), float(k)) for k in rng.binomial(1_000, means)]
    found = bound("accuracy", days)
    assert found is not None
    assert found.usual == pytest.approx(0.2, abs=0.005)
    assert found.amount == pytest.approx(0.06, rel=0.2)
    assert bound("accuracy", days, 0.01).amount == 0.01
    assert bound("accuracy", []) is None
