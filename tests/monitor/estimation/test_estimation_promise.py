"""What scores promise: equal to closed forms, to scikit-learn, and to labels drawn a thousand times."""

import numpy as np
import pytest
from scipy import stats
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from monitor.estimation.calibration import calibrate, isotonic
from monitor.estimation.expected import promised, reweighted, scatter
from monitor.estimation.missing import missing
from monitor.performance.accuracy import Accuracy
from monitor.performance.auc import RocAuc
from monitor.performance.brier import Brier
from monitor.performance.business_value import value_per_prediction
from monitor.performance.f1 import F1
from monitor.performance.log_loss import LogLoss
from monitor.performance.precision import Precision
from monitor.performance.recall import Recall
from monitor.types import ModelSchema, OutcomeValues, Task

SCHEMA = ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=())
MEASURES = (RocAuc(), Accuracy(), Precision(), Recall(), F1(), Brier(), LogLoss())


def drawn(outcomes, p, rng, q=None):
    """An outcome of rows with scores ``p`` whose labels are drawn with probability ``q``, by default as scored."""
    truth = rng.random(len(p)) < (p if q is None else q)
    label, prediction = np.where(truth, "yes", "no"), np.where(p >= 0.5, "yes", "no")
    return outcomes(SCHEMA, label.tolist(), prediction.tolist(), p.tolist())


@pytest.fixture(scope="module")
def reference(outcomes):
    """40,000 calibrated rows."""
    rng = np.random.default_rng(0)
    return drawn(outcomes, rng.beta(1.5, 2.5, 40_000), rng)


def test_pooling_gives_scikit_learns_isotonic_regression():
    rng = np.random.default_rng(1)
    values, weights = rng.random(300) + np.linspace(0, 1, 300), rng.integers(1, 50, 300).astype(float)
    truth = IsotonicRegression().fit_transform(np.arange(300), values, sample_weight=weights)
    assert isotonic(values, weights) == pytest.approx(truth, abs=1e-12)


def test_calibration_finds_how_often_distorted_scores_come_true(outcomes):
    """Scores are the square of the true probability."""
    rng = np.random.default_rng(2)
    truth = rng.random(60_000)
    found = drawn(outcomes, truth**2, rng, truth)
    curve = calibrate(*found.score_counts[0].astype(float))
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    inner = slice(20, 980)
    assert np.abs(curve.rate[inner] - np.sqrt(middle[inner])).mean() < 0.015
    assert (np.diff(curve.rate) >= 0).all()
    assert curve.rate[0] > 0
    assert curve.rate[-1] < 1


def test_scores_the_reference_never_had_are_unsupported():
    negative, positive = np.zeros(1000), np.zeros(1000)
    negative[:500], positive[:500] = 5, 2
    curve = calibrate(negative, positive)
    rows = np.zeros(1000)
    rows[100], rows[700] = 60, 40
    assert curve.unsupported(rows) == pytest.approx(0.4)
    assert calibrate(np.zeros(10), np.zeros(10)) is None


def test_what_scores_promise_is_the_closed_form_of_calibrated_scores(reference):
    """Accuracy Σ max(p, 1−p) / n, Brier Σ p(1−p) / n, log-loss the mean entropy."""
    rng = np.random.default_rng(3)
    p = rng.beta(2, 2, 200_000)
    scores = np.histogram(p, reference.edges)[0].astype(float)
    found = promised(reference, calibrate(*reference.score_counts[0].astype(float)), scores)
    assert Accuracy().value(found) == pytest.approx(np.maximum(p, 1 - p).mean(), abs=0.006)
    assert Brier().value(found) == pytest.approx((p * (1 - p)).mean(), abs=0.004)
    assert LogLoss().value(found) == pytest.approx(stats.entropy([p, 1 - p]).mean(), abs=0.01)
    assert RocAuc().value(found) == pytest.approx(roc_auc_score(rng.random(len(p)) < p, p), abs=0.006)


def test_the_promise_and_its_scatter_are_mean_and_deviation_of_labels_drawn(reference, outcomes):
    """Every measure, against 300 windows of 2,000 rows with the same scores."""
    rng = np.random.default_rng(4)
    p = rng.beta(2, 3, 2_000)
    curve = calibrate(*reference.score_counts[0].astype(float))
    scores = np.histogram(p, reference.edges)[0].astype(float)
    values = [measure.value for measure in MEASURES]
    found = promised(reference, curve, scores)
    chances = scatter(reference, curve, scores, values)
    bins = np.clip(np.searchsorted(reference.edges, p, side="right") - 1, 0, 999)
    truths = np.array(
        [[of(outcome) for of in values] for outcome in (drawn(outcomes, p, rng, curve.rate[bins]) for _ in range(300))]
    )
    for at, measure in enumerate(MEASURES):
        error = truths[:, at].std() / np.sqrt(300)
        assert measure.value(found) == pytest.approx(truths[:, at].mean(), abs=5 * error + 2e-4), measure.name
        assert chances[at] == pytest.approx(truths[:, at].std(), rel=0.4), measure.name


def test_weighting_by_score_gives_back_the_accuracy_of_all_when_high_scores_lose_their_labels(outcomes):
    rng = np.random.default_rng(5)
    p = rng.beta(1.5, 1.5, 60_000)
    truth = rng.random(len(p)) < p
    kept = rng.random(len(p)) < np.where(p > 0.7, 0.2, 0.9)
    name = {True: "yes", False: "no"}

    def of(rows):
        return outcomes(
            SCHEMA,
            [name[bool(each)] for each in truth[rows]],
            [name[each >= 0.5] for each in p[rows].tolist()],
            p[rows],
        )

    whole, part = of(np.arange(len(p))), of(np.flatnonzero(kept))
    scores = np.histogram(p, whole.edges)[0].astype(float)
    weighted = reweighted(part, scores)
    for measure in (Accuracy(), RocAuc(), Brier()):
        truth_, biased, mended = (measure.value(each) for each in (whole, part, weighted))
        assert abs(mended - truth_) < 0.005
        assert abs(mended - truth_) < abs(biased - truth_)
    gap = missing(part.score_counts[0].sum(axis=0).astype(float), scores)
    assert gap.differs
    assert "lower" in str(gap)


def test_labels_missing_by_chance_are_called_so_as_often_as_the_test_says():
    """p-values are uniform, and equal to scipy's of the same table."""
    rng = np.random.default_rng(6)
    law = rng.dirichlet(np.ones(1000))
    values = []
    for _ in range(400):
        rows = rng.multinomial(2_000, law)
        values.append(missing(rng.binomial(rows, 0.4).astype(float), rows.astype(float)).p_value)
    assert stats.kstest(values, "uniform").pvalue > 0.001


def test_too_few_labels_are_not_compared():
    assert missing(np.zeros(1000), np.full(1000, 3.0)) is None
    assert missing(np.full(1000, 3.0), np.full(1000, 3.0)) is None


def test_a_prediction_is_worth_what_its_owner_says(outcomes):
    values = OutcomeValues(true_positive=20, false_positive=-5, true_negative=1, false_negative=-30, unit="€")
    found = outcomes(SCHEMA, ["yes", "no", "no", "yes"], ["yes", "yes", "no", "no"], [0.9, 0.8, 0.2, 0.1])
    assert value_per_prediction(found, values) == (20 - 5 + 1 - 30) / 4
    assert value_per_prediction(outcomes(SCHEMA, [], [], []), values) is None
