"""A two-sample test by classifier: can rows of the reference and of now be told apart at all?

A ridge logistic regression on ranks, their squares and their products is learned on one half of the rows and judged on
the other. (Judging both ways round would use all rows, but the two areas depend on each other in no simple way.) Where
nothing has changed its area under the curve is ½, whatever the columns' law; products let it see columns that only go
together otherwise. It needs samples of rows, not profiles: a few thousand are enough.

Its z-score takes rows for independent. Rows of one day are not: hold it against what days of the reference give
among each other (`ordinary`), before anything is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detection.tails import from_t
from monitor.profile.values import Floats

MOST_CROSSED = 20
"""Columns whose products are taken; of more only the first."""

_RIDGE = 0.02  # times the number of rows
_STEPS = 5
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Separation:
    """How well rows of two samples are told apart.

    Attributes:
        auc: area under the curve on rows that were not learned from; ½ means not at all.
        z: its z-score, were rows independent.
        weights: by column, the share of the classifier's weight that its terms have; they add to 1.
    """

    auc: float
    z: float
    weights: tuple[float, ...]


def separation(reference: Floats, current: Floats, seed: int = 0) -> Separation | None:
    """Return how well the rows of two samples are told apart; None with fewer than 20 rows in either.

    Args:
        reference: ranks of the reference's rows, from −1 to 1, 0 where a value is not there, [n, J].
        current: the same of other rows, [m, J].
        seed: which rows are learned from first.
    """
    n, m = len(reference), len(current)
    if min(n, m) < _FEWEST:
        return None
    terms, owners = _terms(np.concatenate([reference, current]))
    truth = np.repeat([0.0, 1.0], [n, m])
    half = np.concatenate([_halves(n, seed), _halves(m, seed + 1)])
    learn, judge = half == 0, half == 1
    beta = _learned(terms[learn], truth[learn])
    auc = _area(terms[judge] @ beta, truth[judge])
    size, weight = np.abs(beta) * terms.std(axis=0), np.zeros(reference.shape[1])
    for owner in owners:
        weight += np.bincount(owner, size / 2, len(weight))
    zeros, ones = n // 2, m // 2
    z = (auc - 0.5) / np.sqrt((zeros + ones + 1) / (12 * zeros * ones))
    return Separation(auc, float(z), tuple((weight / max(weight.sum(), 1e-300)).tolist()))


def ordinary(areas: Sequence[float], found: float, least: float = 1e-3) -> float:
    """Return the z-score of an area, given those of reference chunks held against the others; 0 with fewer than two.

    Args:
        areas: of the reference's chunks; their z-scores do as well.
        found: that of the chunk that is judged.
        least: the least deviation that is believed; 1 for z-scores.

    >>> round(ordinary([0.50, 0.52, 0.51, 0.49, 0.53, 0.50], 0.70), 1)
    3.9
    """
    if len(areas) < 2:
        return 0.0
    spread = max(float(np.std(areas, ddof=1)), least) * np.sqrt(1 + 1 / len(areas))
    return float(from_t(np.array([(found - np.mean(areas)) / spread]), len(areas) - 1.0)[0])


def _terms(rows: Floats) -> tuple[Floats, tuple[np.ndarray, np.ndarray]]:
    """Return centred ranks, squares and products, [n, T], and the two columns that each term belongs to, [T]."""
    columns = rows.shape[1]
    first, second = np.triu_indices(min(columns, MOST_CROSSED), 0)
    terms = np.concatenate([rows, rows[:, first] * rows[:, second]], axis=1)
    plain = np.arange(columns)
    return terms - terms.mean(axis=0), (np.concatenate([plain, first]), np.concatenate([plain, second]))


def _halves(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count) % 2


def _learned(terms: Floats, truth: Floats) -> Floats:
    """Return the coefficients of a ridge logistic regression, by Newton's steps; the intercept is the base rate's."""
    base = np.log(truth.mean() / (1 - truth.mean()))
    beta = np.zeros(terms.shape[1])
    penalty = _RIDGE * len(terms) * max(float(terms.var(axis=0).mean()), 1e-12)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(base + terms @ beta, -30, 30)))
        slope = terms.T @ (truth - chance) - penalty * beta
        bend = (terms * (chance * (1 - chance))[:, None]).T @ terms + penalty * np.eye(len(beta))
        beta = beta + np.linalg.solve(bend, slope)
    return beta


def _area(score: Floats, truth: Floats) -> float:
    """Return the area under the curve; ties count half."""
    _, at, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    positives = truth.sum()
    return float((ranks[truth > 0].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives)))
