"""Weights of bins from sizes of contributions: known means, and numbers at the end of all numbers."""

import numpy as np
import pytest

from monitor.profile.binning import CategoryBins
from monitor.triage.impact import size_weights

BINS = CategoryBins(values=("a", "b"), known=frozenset("ab"))


def test_the_weight_of_a_bin_is_its_mean_size_drawn_to_that_of_all():
    weights = size_weights(["a"] * 20 + ["b"] * 20, [3.0] * 20 + [-1.0] * 20, BINS)
    assert weights[:2] == pytest.approx([(60 + 5 * 2) / 25, (20 + 5 * 2) / 25])


@pytest.mark.parametrize("exponent", [-1000, 1000])
def test_sizes_at_the_end_of_all_numbers_weigh_as_others_do(exponent):
    values, sizes = ["a", "b"] * 20, [1.5, -0.5] * 20
    found = size_weights(values, np.ldexp(sizes, exponent).tolist(), BINS)
    assert found.tolist() == np.ldexp(size_weights(values, sizes, BINS), exponent).tolist()


def test_sizes_that_are_no_finite_number_count_for_nothing():
    values, sizes = ["a", "b"] * 20, [1.5, -0.5] * 20
    found = size_weights([*values, "a", "b", None], [*sizes, np.nan, np.inf, 1.0], BINS)
    assert found.tolist() == size_weights(values, sizes, BINS).tolist()
    assert size_weights(values, [np.nan] * 40, BINS) is None
