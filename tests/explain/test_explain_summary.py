"""Importance, cohorts and agreement against closed forms."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from explain.agreement import agreements
from explain.summary import differences, importance, points
from explain.windows import Cohort, split
from monitor.errors import InvalidInput
from monitor.types import Explanation


def explained(amounts, index=0, method="shapley", **values):
    return Explanation(
        id=f"e{index}", model="m", version="1", inference_id=f"r{index}", method=method, output="p", link="identity",
        base_value=0.0, prediction=float(sum(amounts.values())), attributions=amounts, values=values, quality={},
        standard_errors=None, seed=0, model_hash="", background_hash="", settings={}, seconds=0.1,
        created=datetime(2013, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_importance_is_the_mean_size_and_its_interval_covers_the_truth():
    """For normal attributions E|φ| = σ·√(2/π); 95 of 100 intervals hold it."""
    rng = np.random.default_rng(0)
    truth, held = 2 * np.sqrt(2 / np.pi), 0
    for _ in range(100):
        found = [explained({"a": float(x), "b": 0.1}, i) for i, x in enumerate(rng.normal(0, 2, 80))]
        first, second = importance(found)
        assert (first.feature, second.feature) == ("a", "b")
        assert second.mean == pytest.approx(0.1)
        held += first.low <= truth <= first.high
    assert 88 <= held <= 100


@pytest.mark.parametrize("rows", [5, 10, 20])
def test_intervals_of_few_rows_hold_the_mean_size_of_skewed_contributions(rows):
    rng = np.random.default_rng(rows)
    held = 0
    for _ in range(300):
        found = [explained({"a": float(size)}, index) for index, size in enumerate(rng.exponential(size=rows))]
        (only,) = importance(found)
        held += only.low <= 1 <= only.high
    assert 0.90 <= held / 300 <= 0.98


@pytest.mark.parametrize("rows", [3, 5, 10])
def test_a_small_group_beside_a_large_one_is_clearly_different_by_chance_1_time_in_20(rows):
    rng = np.random.default_rng(rows)
    clear = 0
    for _ in range(1_500):
        few = [explained({"a": float(x)}) for x in rng.normal(size=rows)]
        many = [explained({"a": float(x)}) for x in rng.normal(0, 0.3, size=30)]
        (apart,) = differences(few, many)
        clear += apart.clear
    assert 0.02 <= clear / 1_500 <= 0.08


def test_two_rows_are_no_group():
    assert differences([explained({"a": 1.0})] * 2, [explained({"a": 0.0})] * 30) == []


def test_welchs_interval_is_that_of_statistics():
    rng = np.random.default_rng(3)
    one, other = rng.normal(1, 2, 9), rng.normal(0, 1, 14)
    (found,) = differences([explained({"a": float(x)}) for x in one], [explained({"a": float(x)}) for x in other])
    low, high = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)


def test_what_never_differs_is_told_apart_exactly():
    (found,) = differences([explained({"a": 1.0})] * 3, [explained({"a": 0.25})] * 4)
    assert (found.low, found.high, found.clear) == (0.75, 0.75, True)


def test_importance_of_one_row_has_no_interval_and_of_none_is_empty():
    (only,) = importance([explained({"a": -3.0})])
    assert (only.mean, only.direction, only.share, only.low) == (3.0, -3.0, 1.0, None)
    assert importance([]) == []


def test_differences_add_up_to_that_of_the_mean_answers_and_clear_ones_are_clear():
    rng = np.random.default_rng(1)
    group = [explained({"a": 1 + x, "b": y}, carrier="AA") for x, y in rng.normal(0, 0.1, (40, 2))]
    rest = [explained({"a": x, "b": y}, carrier="B6") for x, y in rng.normal(0, 0.1, (60, 2))]
    first, second = split(group + rest, Cohort(feature="carrier", value="AA"))
    assert (len(first), len(second)) == (40, 60)
    found = {each.feature: each for each in differences(first, second)}
    assert found["a"].clear
    assert found["a"].low < 1 < found["a"].high
    answers = np.mean([each.prediction for each in first]) - np.mean([each.prediction for each in second])
    assert sum(each.difference for each in found.values()) == pytest.approx(answers)


def test_of_groups_that_are_alike_few_differences_are_clear():
    rng = np.random.default_rng(2)
    clear = 0
    for _ in range(200):
        groups = [[explained({"a": float(x)}) for x in rng.normal(size=30)] for _ in range(2)]
        clear += differences(*groups)[0].clear
    assert 2 <= clear <= 22


def test_a_group_is_said_by_a_value_or_a_number():
    found = [explained({"a": 1.0}, delay=float(value)) for value in range(4)]
    assert [len(part) for part in split(found, Cohort(feature="delay", above=1.0))] == [3, 1]
    for cohort in (Cohort(feature="delay"), Cohort(feature="delay", value="1", above=1.0)):
        with pytest.raises(InvalidInput, match="either value"):
            split(found, cohort)


def test_points_are_the_values_and_what_they_contributed():
    (point,) = points([explained({"a": 0.5}, a=3.0)], "a")
    assert (point.value, point.amount, point.inference_id) == (3.0, 0.5, "r0")


def test_methods_agree_with_themselves_and_disagree_when_turned_round():
    amounts = {"a": 0.5, "b": -0.2, "c": 0.1, "d": 0.0}
    turned = {name: -amount for name, amount in amounts.items()}
    found = [explained(amounts, 0, "lime"), explained(amounts, 1, "shapley"), explained(turned, 2, "occlusion")]
    by_pair = {each.methods: each for each in agreements(found)}
    assert by_pair["lime", "shapley"].rank == pytest.approx(1)
    assert by_pair["lime", "occlusion"].rank == pytest.approx(-1)
    assert by_pair["lime", "occlusion"].top == 1
