"""The sums of many numbers at once are those of their limbs added up one by one, in every kernel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profile import fixed, kernel
from monitor.profile.moments import moments

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("name", kernel.named())
@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(finite | st.floats(-2000, 2000), max_size=50),
    center=st.floats(-1e6, 1e6),
    scale=st.floats(1e-6, 1e6),
)
def test_any_numbers_give_the_sums_of_their_limbs(name, values, center, scale):
    numbers = np.array(values, dtype=np.float64)
    limbs, low, high = moments(numbers, center, scale, name)
    q = fixed.fixed(numbers, center, scale)
    assert limbs == [int(limb.sum()) for limb in (*fixed.first(q), *fixed.second(q))]
    assert (low, high) == (min(values, default=np.inf), max(values, default=-np.inf))


@pytest.mark.parametrize("name", kernel.named())
@pytest.mark.parametrize("far", [1.0, 1023.9, 1024.1, 1e9])
def test_columns_longer_than_a_block_and_values_near_the_limit_of_the_fast_way(name, far):
    numbers = np.random.default_rng(1).normal(size=50_003)
    numbers[[7, 40_000]] = far, -far
    limbs, _, _ = moments(numbers, 0.0, 1.0, name)
    q = fixed.fixed(numbers, 0.0, 1.0)
    assert limbs == [int(limb.sum()) for limb in (*fixed.first(q), *fixed.second(q))]
