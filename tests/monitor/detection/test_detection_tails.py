"""Statistics become the z-scores that their exact laws give, by scipy's tails."""

import numpy as np
import pytest
from scipy import stats

from monitor.detection.tails import best_of, from_deviance, from_gamma, from_t, from_tail_area, tail_area


def test_tail_areas_and_their_inverse_are_those_of_the_normal_law():
    z = np.linspace(-5, 30, 50)
    np.testing.assert_allclose(tail_area(z), stats.norm.sf(z), rtol=1e-10)
    np.testing.assert_allclose(from_tail_area(tail_area(z)), z, atol=1e-3)


@pytest.mark.parametrize("freedom", [4, 10, 29, 59, 119, 1e6])
def test_t_is_brought_to_its_z_score(freedom):
    z = np.array([-4.0, -2.0, -1.0, 0.5, 1.5, 2.5, 3.5, 5.0])
    t = np.sign(z) * stats.t.isf(stats.norm.sf(np.abs(z)), freedom)
    np.testing.assert_allclose(from_t(t, freedom), z, atol=0.03 if freedom > 5 else 0.2)


@pytest.mark.parametrize("shape", [1.0, 3.0, 20.0])
def test_gamma_is_brought_to_its_z_score_or_a_little_less(shape):
    z = np.array([-1.0, 0.0, 1.5, 2.5, 3.5, 4.5])
    ratio = stats.gamma.isf(stats.norm.sf(z), shape, scale=1 / shape)
    found = from_gamma(ratio, shape)
    np.testing.assert_allclose(found, z, atol=0.2 if shape == 1 else 0.11)
    assert (found <= z + 0.02).all()


def test_a_rare_count_is_never_made_more_significant_than_it_is():
    count = np.array([3.0, 5.0, 10.0, 40.0])
    exact = stats.norm.isf(stats.poisson.sf(count - 1, 0.5))
    assert (from_deviance(count, np.full(4, 0.5)) <= exact + 0.35).all()
    assert from_deviance(np.array([0.0]), np.array([2.0]))[0] < 0


def test_the_largest_of_many_normal_scores_is_a_normal_score():
    drawn = np.abs(np.random.default_rng(0).normal(size=(20_000, 30))).max(axis=1)
    found = best_of(drawn, 30)
    assert stats.kstest(found, "norm").pvalue > 0.01
