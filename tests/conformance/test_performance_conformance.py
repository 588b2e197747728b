"""Properties that every performance measure must have, run on each that is found."""

import json

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

import monitor.performance
from monitor.performance import PerformanceMeasure
from monitor.performance.auc import auc_bound
from monitor.plugins import plugins
from monitor.types import ModelSchema, Task

MEASURES = [cls() for cls in plugins(monitor.performance, PerformanceMeasure).values()]
EVERY = [pytest.param(m, task, id=f"{m.name}-{task.value}") for m in MEASURES for task in sorted(m.tasks)]
SCHEMAS = {
    Task.BINARY: ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=()),
    Task.MULTICLASS: ModelSchema(model="m", task=Task.MULTICLASS, classes=("a", "b", "c", "d"), features=()),
    Task.REGRESSION: ModelSchema(model="m", task=Task.REGRESSION, features=()),
    Task.RANKING: ModelSchema(model="m", task=Task.RANKING, features=(), cutoff=2),
}


def rows(task: Task, noise: float, seed: int = 0, count: int = 3000) -> tuple[list, list, list | None]:
    """Return labels, predictions and scores that are perfect without ``noise`` and worse the more there is."""
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        label = rng.gamma(3, 20, count)
        return list(label), list(label + noise * (5 + rng.normal(0, 20, count))), None
    if task is Task.RANKING:  # of nine candidates two are relevant, as many as are looked at
        grades = np.stack([rng.permutation([0, 0, 0, 0, 0, 0, 0, 1, 3]) for _ in range(count)])
        return (
            [json.dumps(each) for each in grades.tolist()],
            [None] * count,
            (grades + noise * rng.normal(0, 4, grades.shape)).tolist(),
        )
    names = np.array(SCHEMAS[task].classes)
    truth = rng.choice(len(names), count, p=np.arange(1, len(names) + 1) / np.arange(1, len(names) + 1).sum())
    logits = 60 * (1 - noise) ** 4 * np.eye(len(names))[truth] + noise * 2 * rng.normal(size=(count, len(names)))
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    scores = p[:, 1].tolist() if task is Task.BINARY else p.tolist()
    return list(names[truth]), list(names[p.argmax(axis=1)]), scores


def cost(measure: PerformanceMeasure, value: float) -> float:
    """Return the value turned so that less is better."""
    return -value if measure.better == "higher" else abs(value) if measure.signed else value


def oracle(name: str, task: Task, label: list, prediction: list, scores: list | None) -> float:
    """Return what scikit-learn says."""
    classes = SCHEMAS[task].classes
    average = {"pos_label": "yes", "average": "binary"} if task is Task.BINARY else {"average": "macro"}
    if task is Task.REGRESSION:
        return {
            "mae": metrics.mean_absolute_error,
            "rmse": metrics.root_mean_squared_error,
            "r2": metrics.r2_score,
            "bias": lambda y, e: float(np.mean(np.subtract(e, y))),
        }[name](label, prediction)
    if task is Task.RANKING:
        return ranked(name, np.array([json.loads(each) for each in label]), np.array(scores))
    if name in ("accuracy", "precision", "recall", "f1"):
        if name == "accuracy":
            return metrics.accuracy_score(label, prediction)
        score = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}[name]
        return score(label, prediction, zero_division=0, **average)
    if name == "auc":
        truth = [y == "yes" for y in label] if task is Task.BINARY else label
        return metrics.roc_auc_score(truth, scores, multi_class="ovr", labels=None if task is Task.BINARY else classes)
    if name == "calibration_error":
        given = np.reshape(scores, (len(scores), -1))
        shown = classes[1:] if task is Task.BINARY else classes
        return float(np.mean([calibration_error(np.array(label) == c, p) for c, p in zip(shown, given.T, strict=True)]))
    full = np.column_stack([1 - np.array(scores), scores]) if task is Task.BINARY else np.array(scores)
    if name == "log_loss":
        return metrics.log_loss(label, full, labels=list(classes))
    one_hot = np.array(label)[:, None] == np.array(classes)
    total = float(np.mean(((full - one_hot) ** 2).sum(axis=1)))
    return {"brier": total / 2 if task is Task.BINARY else total}[name]


def ranked(name: str, grades: np.ndarray, scores: np.ndarray) -> float:
    """Return what scikit-learn says of rankings, or where it has no such measure, the words of its definition."""
    k = SCHEMAS[Task.RANKING].cutoff
    best = np.argsort(-scores, axis=1)
    hits = np.take_along_axis(grades, best, axis=1) > 0
    return float(
        {
            "ndcg": lambda: metrics.ndcg_score(grades, scores, k=k),
            "average_precision": lambda: metrics.label_ranking_average_precision_score(grades > 0, scores),
            "reciprocal_rank": lambda: np.mean(1 / (hits.argmax(axis=1) + 1)),
            "precision_at_k": lambda: np.mean(hits[:, :k].mean(axis=1)),
            "recall_at_k": lambda: np.mean(hits[:, :k].sum(axis=1) / hits.sum(axis=1)),
            "nothing_relevant": lambda: 0.0,
            "graded_share": lambda: 1.0,
        }[name]()
    )


def calibration_error(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the mean distance of scikit-learn's calibration curve from the diagonal, weighted by rows."""
    rate, score = calibration_curve(truth, scores, n_bins=10)
    held = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], scores), minlength=10)
    return float(np.abs(rate - score) @ held[held > 0] / len(scores))


def test_the_issue_s_measures_are_found():
    names = {m.name for m in MEASURES}
    assert {"auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1", "mae", "rmse", "r2", "bias"} <= names
    assert {"ndcg", "average_precision", "reciprocal_rank", "precision_at_k", "recall_at_k"} <= names


@pytest.mark.parametrize("measure", [pytest.param(m, id=m.name) for m in MEASURES])
def test_describes_itself(measure):
    assert measure.title
    assert measure.tasks <= set(Task)
    assert measure.better in ("higher", "lower")


@pytest.mark.parametrize(("measure", "task"), EVERY)
@pytest.mark.parametrize("noise", [0.3, 0.7, 1.0])
def test_equals_scikit_learn_on_the_same_rows(measure, task, noise, outcomes):
    made = rows(task, noise, seed=int(noise * 10))
    found = outcomes(SCHEMAS[task], *made)
    bound = 1e-6 * (100 if task is Task.REGRESSION else 1)
    if measure.name == "auc":
        bound = auc_bound(found) + 1e-9
        assert bound < (0.001 if task is Task.BINARY else 0.005)
    if measure.name == "calibration_error":
        bound = 0.001 if task is Task.BINARY else 0.008  # the width of a bin
    assert measure.value(found) == pytest.approx(oracle(measure.name, task, *made), abs=bound)


@pytest.mark.parametrize(("measure", "task"), EVERY)
def test_perfect_predictions_are_best(measure, task, outcomes):
    perfect = measure.value(outcomes(SCHEMAS[task], *rows(task, 0.0)))
    assert perfect == pytest.approx(1.0 if measure.better == "higher" else 0.0, abs=1e-6)


@pytest.mark.parametrize(("measure", "task"), EVERY)
def test_worse_predictions_are_worse(measure, task, outcomes):
    values = [measure.value(outcomes(SCHEMAS[task], *rows(task, noise))) for noise in (0.0, 0.6, 0.8, 1.0)]
    costs = [cost(measure, value) for value in values]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1] or measure.of_labels


@pytest.mark.parametrize(("measure", "task"), EVERY)
def test_order_of_rows_is_irrelevant(measure, task, outcomes):
    made = rows(task, 0.7, count=500)
    order = np.random.default_rng(1).permutation(500)
    mixed = [None if part is None else [part[at] for at in order] for part in made]
    assert measure.value(outcomes(SCHEMAS[task], *made)) == measure.value(outcomes(SCHEMAS[task], *mixed))


@pytest.mark.parametrize(("measure", "task"), EVERY)
def test_without_usable_rows_there_is_no_value(measure, task, outcomes):
    schema = SCHEMAS[task]
    odd = [float("nan")] if task is Task.REGRESSION else ["[1]" if task is Task.RANKING else "no such class"]
    none = [None] if task is Task.RANKING else odd
    for label, prediction in (([], []), ([None], [None]), (odd, none)):
        assert measure.value(outcomes(schema, label, prediction, [None] * len(label))) is None


@pytest.mark.parametrize(("measure", "task"), EVERY)
def test_rows_that_cannot_be_judged_change_nothing(measure, task, outcomes):
    label, prediction, scores = rows(task, 0.5, count=400)
    bad = [None] * 50
    whole = outcomes(SCHEMAS[task], label, prediction, scores)
    mixed = outcomes(SCHEMAS[task], label + bad, prediction + bad, None if scores is None else scores + bad)
    assert mixed.rows == whole.rows + 50
    assert measure.value(mixed) == pytest.approx(measure.value(whole), rel=1e-9)


@pytest.mark.parametrize(("measure", "task"), EVERY)
@pytest.mark.parametrize("count", [1, 50])
def test_one_row_and_constant_rows_are_defined(measure, task, count, outcomes):
    label, prediction, scores = rows(task, 0.5, count=1)
    value = measure.value(
        outcomes(SCHEMAS[task], label * count, prediction * count, None if scores is None else scores * count)
    )
    assert value is None or np.isfinite(value)
