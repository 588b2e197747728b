"""Outcomes count what came of predictions, and nothing that cannot be judged."""

import math

import numpy as np
import pyarrow as pa
import pytest

from monitor.performance.mae import MeanAbsoluteError
from monitor.performance.r2 import DeterminationCoefficient
from monitor.performance.rmse import RootMeanSquaredError
from monitor.profile import OUTCOME, make_binning, profile_outcomes, read
from monitor.types import ModelSchema, Task

BINARY = ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=(), threshold=0.3)
MULTI = ModelSchema(model="m", task=Task.MULTICLASS, classes=tuple("abc"), features=())
REGRESSION = ModelSchema(model="m", task=Task.REGRESSION, features=())


def test_binary_rows_are_accounted_for(outcomes):
    found = outcomes(
        BINARY,
        ["no", "no", "yes", "yes", "eh", None, "yes"],
        ["no", "yes", "no", "yes", "yes", "no", None],
        [0.1, 0.9, 0.2, None, 0.5, 0.5, 1.5],
    )
    assert found.confusion.tolist() == [[1, 1], [1, 1]]
    assert (found.rows, found.unusable, found.unpredicted, found.judged, found.scored) == (7, 2, 1, 4, 3)
    assert found.score_counts.sum(axis=2).tolist() == [[2, 1]]
    assert found.brier_sum == pytest.approx(0.01 + 0.81 + 0.64, abs=1e-6)
    assert found.log_loss_sum == pytest.approx(-math.log(0.9) - math.log(0.1) - math.log(0.2), abs=1e-6)


def test_scores_of_exactly_zero_and_one_are_counted_and_cost_a_finite_amount(outcomes):
    found = outcomes(BINARY, ["yes", "no"], ["no", "yes"], [0.0, 1.0])
    assert found.score_counts[0, 0, -1] == found.score_counts[0, 1, 0] == 1
    assert 70 < found.log_loss_sum < 75


def test_the_threshold_is_an_edge(outcomes):
    found = outcomes(BINARY, ["yes", "yes"], ["yes", "no"], [0.3, np.nextafter(0.3, 0)])
    place = int(np.flatnonzero(found.edges == 0.3)[0])
    assert found.score_counts[0, 1, place - 1 : place + 1].tolist() == [1, 1]


def test_multiclass_rows_are_accounted_for(outcomes):
    found = outcomes(
        MULTI,
        ["a", "b", "c", "d", "a"],
        ["a", "c", "c", "a", "zzz"],
        [(0.7, 0.2, 0.1), (0.2, 0.3, 0.5), None, (1, 0, 0), (0.5, 0.5)],
    )
    assert found.confusion.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert (found.rows, found.unusable, found.unpredicted, found.scored) == (5, 1, 1, 2)
    assert found.brier_sum == pytest.approx(0.09 + 0.04 + 0.01 + 0.04 + 0.49 + 0.25, abs=1e-6)
    assert found.score_counts.sum(axis=2).tolist() == [[1, 1], [1, 1], [2, 0]]


def test_regression_rows_are_accounted_for(outcomes):
    found = outcomes(REGRESSION, [1.0, 2.0, None, float("inf"), 5.0], [2.0, 4.0, 1.0, 1.0, float("nan")])
    assert (found.rows, found.unusable, found.unpredicted, found.judged) == (5, 2, 1, 2)
    assert found.moment("error") == pytest.approx(1.5, abs=1e-6)
    assert found.moment("squared") == pytest.approx(2.5, abs=1e-5)
    assert found.moment("absolute") == pytest.approx(1.5, abs=1e-6)
    assert found.moment("variance") == pytest.approx(0.25, abs=1e-5)
    assert found.confusion.shape == (0, 0)


@pytest.mark.parametrize("size", [1e-200, 1e160, 1e300])
def test_errors_of_targets_at_the_end_of_all_numbers_are_what_they_are(outcomes, size):
    predictions, labels = np.array([1.0, 2.0, 3.0, 5.0]) * size, np.array([2.0, 4.0, 1.0, 5.0]) * size
    found = outcomes(REGRESSION, predictions.tolist(), labels.tolist())
    usual = outcomes(REGRESSION, [1.0, 2.0, 3.0, 5.0], [2.0, 4.0, 1.0, 5.0])
    for measure in (RootMeanSquaredError(), MeanAbsoluteError()):
        assert measure.value(found) / size == pytest.approx(measure.value(usual), rel=1e-5)
    assert DeterminationCoefficient().value(found) == pytest.approx(DeterminationCoefficient().value(usual), rel=1e-4)


@pytest.mark.parametrize("schema", [BINARY, MULTI, REGRESSION], ids=lambda schema: schema.task.value)
def test_no_labels_give_an_outcome_of_nothing(schema, outcomes):
    found = outcomes(schema, [], [])
    assert (found.rows, found.judged, found.scored) == (0, 0, 0)
    assert math.isnan(found.moment("error"))


def test_a_corrected_label_replaces_the_old_one(canonical):
    """Minus the old label, plus the new one, is as if the new one had come at once."""

    def deltas(labels: list[str], signs: list[int]) -> pa.Table:
        n = len(labels)
        columns = {"_label": labels, "_sign": pa.array(signs, pa.int8())}
        return canonical(n, _prediction=["yes"] * n, _score=[0.8] * n, **columns)

    binning = make_binning(deltas([], []), BINARY)
    corrected = profile_outcomes(deltas(["no", "no", "yes"], [1, -1, 1]), BINARY, binning)
    direct = profile_outcomes(deltas(["yes"], [1]), BINARY, binning)
    assert corrected["counts"].to_pylist() == direct["counts"].to_pylist()


def test_outcomes_add_and_subtract_exactly(canonical):
    table = canonical(
        3,
        _label=["no", "yes", "yes"],
        _prediction=["no", "no", "yes"],
        _score=[0.1, 0.2, 0.9],
        _sign=pa.array([1, 1, 1], pa.int8()),
    )
    binning = make_binning(table, BINARY)
    whole, first, rest = (
        read(profile_outcomes(part, BINARY, binning), binning, BINARY)[OUTCOME]
        for part in (table, table.slice(0, 1), table.slice(1))
    )
    assert (first + rest).counts.tolist() == whole.counts.tolist()
    assert (whole - first).counts.tolist() == rest.counts.tolist()
    with pytest.raises(ValueError, match="do not add up"):
        _ = (
            whole
            + read(profile_outcomes(table, MULTI, make_binning(table, MULTI)), make_binning(table, MULTI), MULTI)[
                OUTCOME
            ]
        )
