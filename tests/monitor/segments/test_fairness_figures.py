"""Intervals of fairness figures are the published ones and cover what they say."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats.contingency import relative_risk

from monitor.segments.fairness import Share, difference, ratio


@pytest.mark.parametrize(("part", "rows"), [(0, 20), (3, 40), (250, 500), (40, 40)])
def test_the_interval_of_a_share_is_wilsons(part: int, rows: int) -> None:
    known = stats.binomtest(part, rows).proportion_ci(method="wilson")
    assert Share(part, rows).interval == pytest.approx((known.low, known.high), abs=1e-12)


@pytest.mark.parametrize(("one", "two"), [((40, 100), (50, 100)), ((3, 200), (9, 150))])
def test_the_interval_of_a_ratio_is_katz(one: tuple[int, int], two: tuple[int, int]) -> None:
    known = relative_risk(*one, *two)
    found = ratio(Share(*one), Share(*two))
    assert found is not None
    assert found.value == pytest.approx(known.relative_risk)
    assert found.interval == pytest.approx(tuple(known.confidence_interval(0.95)))


def test_the_intervals_cover_in_nineteen_of_twenty_cases() -> None:
    rng = np.random.default_rng(0)
    covered = np.zeros(2)
    for _ in range(2_000):
        one, two = Share(int(rng.binomial(150, 0.2)), 150), Share(int(rng.binomial(400, 0.3)), 400)
        for at, (found, truth) in enumerate([(difference(one, two), -0.1), (ratio(one, two), 2 / 3)]):
            assert found is not None
            covered[at] += found.interval[0] <= truth <= found.interval[1]
    assert (covered / 2_000 > 0.935).all()
    assert (covered / 2_000 < 0.97).all()


def test_groups_without_rows_have_no_figure() -> None:
    assert difference(Share(0, 0), Share(1, 2)) is None
    assert ratio(Share(1, 2), Share(0, 10)) is None


def test_a_group_that_is_never_chosen_has_a_ratio_of_zero_and_an_upper_end() -> None:
    found = ratio(Share(0, 100), Share(30, 100))
    assert found is not None
    assert (found.value, found.interval[0]) == (0.0, 0.0)
    assert 0 < found.interval[1] < 0.3
