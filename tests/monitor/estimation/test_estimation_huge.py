"""Errors at the end of all numbers: their squares are infinite, and what needs these is not said."""

import numpy as np
import pytest

from monitor.estimation.losses import losses
from monitor.profile import fixed
from monitor.profile.residuals import GROUPS, WIDTH, Residuals


@pytest.mark.parametrize("scale", [1.0, 1e160, 1e300])
def test_errors_whose_squares_are_beyond_all_numbers_are_read_and_promise_nothing(scale: float) -> None:
    q = fixed.fixed(np.array([0.5, -1.5]) * scale, 0.0, scale)
    row = np.concatenate([[2], *([sum(limb)] for limb in [*fixed.first(np.abs(q)), *fixed.first(q), *fixed.second(q)])])
    table = np.zeros((GROUPS, WIDTH), dtype=np.int64)
    table[3] = row
    found = Residuals.of(table.ravel(), scale)
    assert found.absolute[3] / scale == pytest.approx(2.0)
    mae, rmse = losses(found, found.rows, ["mae", "rmse"])
    if scale > 1:
        assert (mae, rmse) == (None, None), "how far chance scatters them takes squares"
    else:
        assert (mae or (0, 0))[0] == pytest.approx(1.0)
        assert (rmse or (0, 0))[0] == pytest.approx(np.sqrt(1.25))
