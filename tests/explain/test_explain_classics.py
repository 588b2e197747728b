"""The formulas of the textbooks' games, against their values by all coalitions."""

import numpy as np
import pytest

from explain.coalitions import between, weights
from tests.benchmarks.explain_classics import airport, unanimity, voting


@pytest.mark.parametrize("game", [voting, airport, unanimity])
@pytest.mark.parametrize("case", [0, 1])
def test_the_known_values_are_those_of_all_coalitions(game, case):
    function, row, usual, exact = game(case, 9)
    members = between(9, 0, 2**9)
    np.testing.assert_allclose(exact, weights(members).T @ function(np.where(members, row, usual)), atol=1e-12)
