"""Precision and recall of several classes before labels: which rows were predicted as a class, by that class's score.

A row is predicted as the class of its highest score. From the histogram of one class's scores alone it is certain
above one half and below 1/K; between, the share of rows that are predicted as the class is taken to rise with the
score so that in all it is what predictions were. What that leaves is known from the reference, whose labels say how
many were predicted rightly.
"""

from collections.abc import Sequence

import numpy as np

from monitor.estimation.calibration import Calibration
from monitor.profile.values import Floats

STRAYS = 0.01
"""With a larger share of predictions that no highest score explains, nothing is said."""

_MOST = 2.0  # how far the reference corrects
_STEPS, _FITS = 60, 50


def chosen(edges: Floats, scores: Floats, predicted: Floats) -> Floats | None:
    """Return the share of rows in each bin that are predicted as the class, [K, B]; None where none can explain it.

    Args:
        edges: of the score bins, [B + 1].
        scores: rows by (class, score bin).
        predicted: rows predicted as each class, [K].
    """
    classes = len(scores)
    middle = (edges[1:] + edges[:-1]) / 2
    lowest, certain = 1 / classes, max(0.5, 1 / classes)
    rise = np.clip((middle - lowest) / max(certain - lowest, 1e-9), 0.0, 1.0)
    wanted = predicted / max(predicted.sum(), 1e-300) * scores.sum(axis=1)
    low, high = np.full(classes, -8.0), np.full(classes, 8.0)
    for _ in range(_STEPS):
        power = (low + high) / 2
        above = (scores * rise ** np.exp(power)[:, None]).sum(axis=1) > wanted
        low, high = np.where(above, power, low), np.where(above, high, power)
    found: Floats = rise ** np.exp((low + high) / 2)[:, None]
    strays = np.abs((scores * found).sum(axis=1) - wanted).sum() / max(scores.sum(axis=1).max(), 1e-300)
    return found if strays <= STRAYS else None


def corrections(confusion: Floats, edges: Floats, curves: Sequence[Calibration], scores: Floats) -> Floats:
    """Return by how much more often a class is predicted rightly in the reference than its scores promise, [K].

    Args:
        confusion: the reference's rows by (label, prediction).
        edges: of the score bins, [B + 1].
        curves: how often the scores of each class come true.
        scores: the reference's rows by (class, score bin).
    """
    share = chosen(edges, scores, confusion.sum(axis=0))
    if share is None:
        return np.ones(len(confusion))
    promised = (scores * share * np.array([curve.rate for curve in curves])).sum(axis=1)
    hits = np.diagonal(confusion) / confusion.sum() * scores.sum(axis=1)
    found: Floats = np.clip((hits + 1) / (promised + 1), 1 / _MOST, _MOST)
    return found


def confusion_of(hits: Floats, predicted: Floats, misses: Floats) -> Floats:
    """Return matrices by (label, prediction), [..., K, K], that have these margins; wherever else rows may lie.

    Args:
        hits: rows predicted rightly, [..., K].
        predicted: rows predicted as each class, [..., K].
        misses: rows of each class that were predicted as another, [..., K]; scaled to the wrong predictions there are.
    """
    wrong = np.maximum(predicted - hits, 0.0)
    misses = misses * (wrong.sum(axis=-1) / np.maximum(misses.sum(axis=-1), 1e-300))[..., None]
    found = misses[..., :, None] * wrong[..., None, :] * (1 - np.eye(hits.shape[-1]))
    for _ in range(_FITS):
        found *= (misses / np.maximum(found.sum(axis=-1), 1e-300))[..., :, None]
        found *= (wrong / np.maximum(found.sum(axis=-2), 1e-300))[..., None, :]
    return found + hits[..., None] * np.eye(hits.shape[-1])
