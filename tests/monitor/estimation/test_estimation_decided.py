"""Precision, recall and F1 of several classes before labels: what predictions and scores of each class promise."""

import numpy as np
import pyarrow as pa
import pytest

from monitor.estimation.band import estimate
from monitor.estimation.decided import chosen, confusion_of
from monitor.jobs.promise import past_of
from monitor.jobs.promise_classes import by_classes
from monitor.performance.f1 import F1
from monitor.performance.precision import Precision
from monitor.performance.recall import Recall
from monitor.profile.build import profile_outcomes, read
from monitor.profile.freeze import make_binning
from monitor.profile.outcome import Outcome
from monitor.types import ModelSchema, Task

CLASSES = ("a", "b", "c", "d")
SCHEMA = ModelSchema(model="m", task=Task.MULTICLASS, classes=CLASSES, features=())
MEASURES = (Precision(), Recall(), F1())
ROWS = 1_000


def counted(canonical, p: np.ndarray, label: np.ndarray, predicted: np.ndarray) -> Outcome:
    names = np.array(CLASSES)
    table = canonical(
        len(p),
        _score=pa.array(p.max(axis=1)),
        _scores=pa.array(list(p), pa.list_(pa.float64())),
        _prediction=pa.array(names[predicted]),
        _label=pa.array(names[label]),
        _sign=pa.array(np.ones(len(p), np.int8)),
    )
    binning = make_binning(table.slice(0, 0), SCHEMA)
    found = read(profile_outcomes(table, SCHEMA, binning), binning, SCHEMA)["_outcome"]
    assert isinstance(found, Outcome)
    return found


def chunk(canonical, rng: np.random.Generator, *, moved=0.0, blunt=1.0, stray=False) -> Outcome:
    """Rows whose labels follow a softmax, which the model blunts; inputs that have moved change which classes come."""
    weights = np.random.default_rng(0).normal(size=(3, len(CLASSES))) * 1.3
    logit = (rng.normal(size=(ROWS, 3)) + moved) @ weights
    truth = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    label = (truth.cumsum(axis=1) < rng.random((ROWS, 1))).sum(axis=1).clip(0, len(CLASSES) - 1)
    p = np.exp(blunt * logit) / np.exp(blunt * logit).sum(axis=1, keepdims=True)
    return counted(canonical, p, label, rng.integers(0, len(CLASSES), ROWS) if stray else p.argmax(axis=1))


def foreseen(by_class, given: Outcome):
    scores, predicted = given.score_counts.sum(axis=1).astype(float), given.confusion.sum(axis=0).astype(float)
    return by_class.foresee(scores, MEASURES, predicted)


@pytest.mark.parametrize("blunt", [1.0, 0.6])
def test_bands_hold_what_labels_say_while_inputs_move(canonical, blunt: float) -> None:
    rng = np.random.default_rng(1)
    by_class, past = by_classes([chunk(canonical, rng, blunt=blunt) for _ in range(30)], MEASURES)
    places = 0.4 * np.sin(np.arange(40) / 4)
    held, off = [], {measure.name: [] for measure in MEASURES}
    realised = {measure.name: [] for measure in MEASURES}
    for moved in places:
        later = chunk(canonical, rng, moved=moved, blunt=blunt)
        for measure, given in zip(MEASURES, foreseen(by_class, later), strict=True):
            assert given is not None
            truth = measure.value(later)
            assert truth is not None
            band = estimate(*given, past_of(past[measure.name]))
            held.append(band.low <= truth <= band.high)
            off[measure.name].append((given[0] - truth) / given[1])
            realised[measure.name].append(truth)
    assert 0.82 <= np.mean(held) <= 1
    for name, ratios in off.items():
        assert abs(np.mean(ratios)) < 0.6, name
        assert 0.6 < np.std(ratios) < 1.5, name


def test_without_predictions_or_where_scores_do_not_explain_them_nothing_is_said(canonical) -> None:
    rng = np.random.default_rng(2)
    by_class, past = by_classes([chunk(canonical, rng) for _ in range(10)], MEASURES)
    assert set(past) == {"precision", "recall", "f1"}
    later = chunk(canonical, rng)
    assert by_class.foresee(later.score_counts.sum(axis=1).astype(float), MEASURES) == [None] * 3
    sure = later.score_counts.sum(axis=1).astype(float)
    assert by_class.foresee(sure, MEASURES, np.array([0.0, 0.0, 0.0, float(ROWS)])) == [None] * 3


def test_as_many_rows_are_taken_for_a_class_as_were_predicted_as_it() -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet([0.7, 1.0, 1.5], 5_000)
    edges = np.linspace(0, 1, 201)
    scores = np.stack([np.histogram(column, edges)[0] for column in p.T]).astype(float)
    predicted = np.bincount(p.argmax(axis=1), minlength=3).astype(float)
    share = chosen(edges, scores, predicted)
    assert share is not None
    assert (scores * share).sum(axis=1) == pytest.approx(predicted, rel=1e-6)
    truly = np.stack([np.histogram(p[p.argmax(axis=1) == at, at], edges)[0] for at in range(3)])
    assert np.abs(scores * share - truly).sum() < 0.06 * len(p)


def test_a_confusion_matrix_has_the_margins_that_are_known() -> None:
    hits, predicted, misses = np.array([5.0, 8.0, 0.0]), np.array([10.0, 9.0, 3.0]), np.array([2.0, 3.0, 4.0])
    found = confusion_of(hits, predicted, misses)
    assert np.diagonal(found).tolist() == hits.tolist()
    assert found.sum(axis=0) == pytest.approx(predicted)
    assert found.sum(axis=1) == pytest.approx(hits + misses)
