"""Intervals of 95 % on games with known answers: few and many coalitions, few and many players and background rows."""

import numpy as np
import pytest
import threadpoolctl

from tests.benchmarks.explain_classics import airport, unanimity, voting
from tests.benchmarks.explain_games import explain, products, waves, wavy
from tests.benchmarks.explain_peers import amounts, unsure


def one(case):
    return wavy(case, 1)


def five(case):
    return wavy(case, 5)


@pytest.mark.parametrize(
    ("make", "rows", "tolerance"),
    [(one, 200, 0), (one, 400, 0), (one, 300, 0), (waves, 200, 0), (waves, 400, 50), (five, 400, 0),
     (five, 5_000, 50), (products, 2_000, 0), (products, 12_000, 0), (voting, 300, 0), (airport, 300, 0),
     (unanimity, 300, 0)],
)  # fmt: skip
def test_intervals_of_95_percent_hold_the_truth_95_times_in_100(make, rows, tolerance):
    inside = []
    with threadpoolctl.threadpool_limits(1):  # as in the worker
        for case in range(8):
            function, row, usual, exact = make(case)
            for seed in range(8):
                found = explain(function, row, usual, seed, rows, tolerance)
                assert found.quality["exact"] is False
                inside.append(np.abs(amounts(found) - exact) <= 1.96 * unsure(found))
    assert 0.92 <= np.mean(inside) <= 0.98
