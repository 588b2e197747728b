"""What the scores of several classes promise before labels come: each class against the rest, as for two classes.

AUC, Brier score and log-loss of a multiclass task are sums over its classes of what one class's histogram gives, so
each class is calibrated by itself; nothing is assumed about how classes are confused. Precision, recall and F1 need how
often each class was predicted as well: see `monitor.estimation.decided`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.estimation.calibration import Calibration, calibrate
from monitor.estimation.decided import chosen, confusion_of, corrections
from monitor.estimation.expected import DRAWS, SURE, TOTAL
from monitor.profile.outcome import HEAD, ONE_VS_REST, UNIT, Outcome
from monitor.profile.values import Floats

EVERY_CLASS = frozenset({"brier", "log_loss"})
"""Measures that need each class, not only the first `ONE_VS_REST`."""
DECIDED = frozenset({"precision", "recall", "f1"})
"""Measures that need each class, and how often it was predicted."""
KNOWN = EVERY_CLASS | DECIDED | {"auc", "calibration_error"}
"""What histograms of scores give."""


@dataclass(frozen=True, eq=False)
class Decided:
    """Rows that are predicted as each class.

    Attributes:
        share: of the rows in each bin of a class's scores, [K, B].
        rate: how often these are predicted rightly, [K, B].
    """

    share: Floats
    rate: Floats


def calibrations(sides: Floats) -> tuple[Calibration, ...] | None:
    """Return how often each class's scores come true; None where a class has no labelled scores.

    Args:
        sides: labelled rows by (class, it is another class or this one, score bin).
    """
    found = [calibrate(*each) for each in sides]
    known = tuple(each for each in found if each is not None)
    return known if known and len(known) == len(found) else None


def decided(reference: Outcome, curves: Sequence[Calibration], scores: Floats, predicted: Floats) -> Decided | None:
    """Return which rows are predicted as a class and how often rightly; None where scores do not explain it.

    Args:
        reference: of the version's reference, whose predictions and labels are known.
        curves: of each class.
        scores: rows by (class, score bin).
        predicted: rows predicted as each class, [K].
    """
    known = reference.confusion.astype(np.float64)
    if len(scores) != len(known) or not known.sum() or not predicted.sum():
        return None
    share = chosen(reference.edges, scores, predicted)
    if share is None:
        return None
    more = corrections(known, reference.edges, curves, reference.score_counts.sum(axis=1).astype(np.float64))
    return Decided(share, np.clip(np.array([curve.rate for curve in curves]) * more[:, None], 0.0, 1.0))


def promised(reference: Outcome, curves: Sequence[Calibration], scores: Floats, told: Decided | None = None) -> Outcome:
    """Return the outcome that the scores of each class promise, as `TOTAL` rows.

    Args:
        reference: of the version's reference; what bins hide of Brier score and log-loss is taken over from it.
        curves: of each class.
        scores: rows by (class, score bin).
        told: which of them are predicted as it; without, the confusion matrix is empty.
    """
    rate = np.array([curve.rate for curve in curves])
    share = scores / scores.sum(axis=1, keepdims=True) * TOTAL
    confusion = None
    if told is not None:
        predicted = share * told.share
        hits = (predicted * told.rate).sum(axis=1)
        misses = np.maximum((share * rate).sum(axis=1) - hits, 0.0)
        confusion = confusion_of(hits, predicted.sum(axis=1), misses)
    return _outcome(reference, share * (1 - rate), share * rate, confusion)


def scatter(
    reference: Outcome,
    curves: Sequence[Calibration],
    scores: Floats,
    measures: Sequence[Callable[[Outcome], float | None]],
    told: Decided | None = None,
    seed: int = 0,
) -> list[float]:
    """Return how far chance scatters each measure (a standard deviation); NaN where undefined.

    The labels of each class are drawn by themselves. Of one row they exclude each other, which makes sums over classes
    scatter less: what is returned is the more careful number.
    """
    rate = np.clip([curve.rate for curve in curves], 0, 1)
    rows = np.rint(scores).astype(np.int64)
    rng = np.random.default_rng(seed)
    drawn = rng.binomial(rows, rate, (DRAWS, *rows.shape)).astype(np.float64)
    confusion: Sequence[Floats | None] = [None] * DRAWS
    if told is not None:
        predicted = np.rint(rows * told.share).astype(np.int64)
        hits = rng.binomial(predicted, told.rate, (DRAWS, *rows.shape)).sum(axis=2).astype(np.float64)
        right = (rows * rate).sum(axis=1) - (predicted * told.rate).sum(axis=1)
        missed = rng.poisson(np.maximum(right, 0.0), hits.shape).astype(np.float64)
        confusion = list(confusion_of(hits, predicted.sum(axis=1) + np.zeros_like(hits), missed))
    outcomes = [
        _outcome(reference, rows - positive, positive, matrix)
        for positive, matrix in zip(drawn, confusion, strict=True)
    ]
    found = []
    for measure in measures:
        values = [value for each in outcomes if (value := measure(each)) is not None]
        found.append(float(np.std(values, ddof=1)) if len(values) > DRAWS // 2 else float("nan"))
    return found


def covers(measure: str, classes: int) -> bool:
    """Whether histograms of the first classes say a measure.

    >>> covers("auc", 40), covers("brier", 40), covers("f1", 3), covers("value_per_prediction", 3)
    (True, False, True, False)
    """
    return measure in KNOWN and (measure not in EVERY_CLASS | DECIDED or classes <= ONE_VS_REST)


def _outcome(reference: Outcome, negative: Floats, positive: Floats, confusion: Floats | None) -> Outcome:
    counts = np.zeros(len(reference.counts), dtype=np.int64)
    rows = float((negative + positive).sum(axis=1).mean())
    brier, log_loss = _losses(reference.edges, negative, positive)
    hidden = _hidden(reference)
    tail = HEAD + len(reference.schema.classes) ** 2
    if confusion is not None:
        counts[HEAD:tail] = np.rint(confusion).astype(np.int64).ravel()
    counts[tail] = round(rows)
    counts[tail + 1] = round(max(0.0, brier + hidden[0] * rows) * UNIT)
    counts[tail + 2] = round(max(0.0, log_loss + hidden[1] * rows) * UNIT)
    counts[tail + 3 :] = np.rint(np.stack([negative, positive], axis=1)).astype(np.int64).ravel()
    return Outcome(reference.schema, None, reference.edges, counts)


def _losses(edges: Floats, negative: Floats, positive: Floats) -> tuple[float, float]:
    """Return Σ Brier and Σ log-loss of rows in the middle of their bins."""
    middle = np.clip((edges[1:] + edges[:-1]) / 2, SURE, 1 - SURE)
    brier = float((positive @ (1 - middle) ** 2 + negative @ middle**2).sum())
    return brier, float(-(positive @ np.log(middle)).sum())


def _hidden(reference: Outcome) -> tuple[float, float]:
    sides = reference.score_counts.astype(np.float64)
    brier, log_loss = _losses(reference.edges, sides[:, 0], sides[:, 1])
    rows = reference.scored
    return (reference.brier_sum - brier) / rows, (reference.log_loss_sum - log_loss) / rows
