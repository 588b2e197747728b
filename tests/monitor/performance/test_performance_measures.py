"""Performance measures where the definition has corners: classes that do not occur, ties, equal labels."""

import numpy as np
import pytest
from sklearn import metrics

from monitor.performance.auc import RocAuc, auc_bound
from monitor.performance.bias import Bias
from monitor.performance.f1 import F1
from monitor.performance.precision import Precision
from monitor.performance.r2 import DeterminationCoefficient
from monitor.performance.recall import Recall
from monitor.types import ModelSchema, Task

BINARY = ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=())
MULTI = ModelSchema(model="m", task=Task.MULTICLASS, classes=tuple("abcd"), features=())
REGRESSION = ModelSchema(model="m", task=Task.REGRESSION, features=())


def test_macro_means_leave_out_classes_that_do_not_occur(outcomes):
    """Class c is predicted but never true, d occurs nowhere."""
    label, prediction = ["a", "a", "b", "b", "b"], ["a", "c", "b", "b", "a"]
    found = outcomes(MULTI, label, prediction)
    for measure, score in (
        (Precision(), metrics.precision_score),
        (Recall(), metrics.recall_score),
        (F1(), metrics.f1_score),
    ):
        assert measure.value(found) == pytest.approx(score(label, prediction, average="macro", zero_division=0))


def test_binary_shares_of_nothing_are_undefined(outcomes):
    never_predicted = outcomes(BINARY, ["no", "yes"], ["no", "no"])
    assert (Precision().value(never_predicted), Recall().value(never_predicted)) == (None, 0.0)
    never_true = outcomes(BINARY, ["no", "no"], ["no", "yes"])
    assert (Precision().value(never_true), Recall().value(never_true)) == (0.0, None)
    neither = outcomes(BINARY, ["no"], ["no"])
    assert F1().value(neither) is None


def test_auc_needs_both_classes(outcomes):
    assert RocAuc().value(outcomes(BINARY, ["yes", "yes"], ["yes", "yes"], [0.9, 0.8])) is None


def test_auc_of_ties_is_one_half_and_reversed_scores_mirror_it(outcomes):
    label = ["no", "yes"] * 50
    assert RocAuc().value(outcomes(BINARY, label, label, [0.5] * 100)) == 0.5
    scores = np.random.default_rng(3).random(100)
    forward, backward = (RocAuc().value(outcomes(BINARY, label, label, s)) for s in (scores, 1 - scores))
    assert forward + backward == pytest.approx(1, abs=0.01)


def test_auc_of_many_smooth_scores_is_within_its_tiny_bound(outcomes):
    rng = np.random.default_rng(4)
    scores = rng.beta(2, 3, 20_000)
    truth = rng.random(20_000) < scores
    label = np.where(truth, "yes", "no")
    found = outcomes(BINARY, label, label, scores)
    assert auc_bound(found) < 0.001
    error = abs(RocAuc().value(found) - metrics.roc_auc_score(truth, scores))
    assert error <= auc_bound(found)
    assert error < 5e-5


def test_multiclass_auc_is_the_mean_over_classes_that_have_both_sides(outcomes):
    """Of four classes two occur; each of these alone is a binary problem."""
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(4), 400)
    label = np.where(rng.random(400) < 0.5, "a", "b")
    found = outcomes(MULTI, label, label, p.tolist())
    truth = np.mean([metrics.roc_auc_score(label == name, p[:, at]) for at, name in enumerate("ab")])
    assert RocAuc().value(found) == pytest.approx(truth, abs=auc_bound(found))


def test_multiclass_auc_covers_a_dozen_classes(outcomes):
    names = tuple("abcdefghijkl")
    schema = ModelSchema(model="m", task=Task.MULTICLASS, classes=names, features=())
    rng = np.random.default_rng(6)
    p = rng.dirichlet(np.ones(12), 2_000)
    label = np.array([rng.choice(list(names), p=row) for row in p])
    found = outcomes(schema, label, label, p.tolist())
    truth = metrics.roc_auc_score(label, p, multi_class="ovr", labels=list(names))
    assert RocAuc().value(found) == pytest.approx(truth, abs=auc_bound(found))


@pytest.mark.parametrize("offset", [3.0, -3.0])
def test_bias_keeps_its_sign(offset, outcomes):
    label = np.linspace(0, 50, 40)
    assert Bias().value(outcomes(REGRESSION, label, label + offset)) == pytest.approx(offset, abs=1e-4)


def test_r2_of_equal_labels_is_undefined(outcomes):
    assert DeterminationCoefficient().value(outcomes(REGRESSION, [5.0] * 10, [4.0, 6.0] * 5)) is None


def test_regression_with_a_reference_of_one_constant_is_still_exact(outcomes):
    found = outcomes(REGRESSION, [1000.0] * 5, [1001.0] * 5)
    assert Bias().value(found) == pytest.approx(1, abs=1e-3)
