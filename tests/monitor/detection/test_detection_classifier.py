"""Rows of two samples are told apart where they differ, in whatever way, and not where they do not."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from monitor.detection.classifier import _area, ordinary, separation


def ranks(rng, rows, follow=True):
    x = rng.normal(size=(rows, 6))
    if follow:
        x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    return 2 * stats.norm.cdf(x) - 1


def test_samples_of_one_law_are_not_told_apart():
    rng = np.random.default_rng(0)
    z = [separation(ranks(rng, 300), ranks(rng, 300), seed).z for seed in range(120)]
    assert abs(np.mean(z)) < 0.3
    assert 0.7 < np.std(z) < 1.4


def test_a_column_that_moved_is_seen_and_weighs_most():
    rng = np.random.default_rng(1)
    moved = ranks(rng, 1_000)
    moved[:, 3] = np.clip(moved[:, 3] + 0.3, -1, 1)
    found = separation(ranks(rng, 1_000), moved)
    assert found.z > 6
    assert int(np.argmax(found.weights)) == 3


def test_columns_that_go_together_otherwise_are_seen():
    rng = np.random.default_rng(2)
    found = separation(ranks(rng, 1_000), ranks(rng, 1_000, follow=False))
    assert found.z > 6
    assert set(np.argsort(found.weights)[-2:].tolist()) == {0, 1}


def test_the_area_is_that_of_the_textbook():
    rng = np.random.default_rng(3)
    truth, score = rng.integers(0, 2, 300).astype(float), rng.integers(0, 20, 300).astype(float)
    assert _area(score, truth) == pytest.approx(roc_auc_score(truth, score))


def test_days_that_differ_are_held_against_days_that_differ():
    assert ordinary([0.6, 0.65, 0.62, 0.58, 0.66, 0.61], 0.63) < 1
    assert ordinary([0.5], 0.9) == 0
    assert separation(np.zeros((5, 2)), np.zeros((5, 2))) is None


def test_constant_columns_stop_nothing():
    assert separation(np.zeros((50, 3)), np.zeros((50, 3))).auc == 0.5
