"""The outcome that scores promise, before any label: what labels would count on average, and how that scatters."""

from collections.abc import Callable, Sequence

import numpy as np

from monitor.estimation.calibration import Calibration
from monitor.profile.outcome import HEAD, UNIT, Outcome
from monitor.profile.values import Floats, Ints

TOTAL = 1 << 32
"""How many rows a promised outcome counts, whatever the window has: shares of a row become whole numbers."""
DRAWS = 50
SURE = 1e-6


def promised(reference: Outcome, calibration: Calibration, scores: Floats) -> Outcome:
    """Return the outcome of a binary task that scores promise, as `TOTAL` rows: measures of it are shares and means.

    Args:
        reference: of the version's reference; what bins hide of Brier score and log-loss is taken over from it.
        calibration: how often a score comes true.
        scores: rows by score bin, [B].
    """
    share = scores / scores.sum()
    return _outcome(reference, share * (1 - calibration.rate) * TOTAL, share * calibration.rate * TOTAL)


def scatter(
    reference: Outcome,
    calibration: Calibration,
    scores: Floats,
    measures: Sequence[Callable[[Outcome], float | None]],
    seed: int = 0,
) -> list[float]:
    """Return the standard deviation of each measure over labels drawn as the calibration has it; NaN where undefined.

    It is what chance alone does to a realised measure of rows with exactly these scores.

    Args:
        reference: as in `promised`.
        calibration: how often a score comes true.
        scores: rows by score bin, [B].
        measures: functions of an outcome.
        seed: of the draws.
    """
    rows = np.rint(scores).astype(np.int64)
    drawn = np.random.default_rng(seed).binomial(rows, np.clip(calibration.rate, 0, 1), (DRAWS, len(rows)))
    outcomes = [
        _outcome(reference, (rows - positive).astype(np.float64), positive.astype(np.float64)) for positive in drawn
    ]
    found = []
    for measure in measures:
        values = [value for outcome in outcomes if (value := measure(outcome)) is not None]
        found.append(float(np.std(values, ddof=1)) if len(values) > DRAWS // 2 else float("nan"))
    return found


def reweighted(outcome: Outcome, scores: Floats) -> Outcome | None:
    """Return a binary outcome as if each score bin had as many labels as it has predictions; None without labels.

    Bins without any label lend their rows to the nearest bin that has some. It undoes labels missing by score, not
    those missing for reasons the score does not show.

    Args:
        outcome: of the rows with labels.
        scores: all rows by score bin, [B].
    """
    negative, positive = (side.astype(np.float64) for side in outcome.score_counts[0])
    labelled = negative + positive
    held = np.flatnonzero(labelled > 0)
    if not len(held) or not scores.sum():
        return None
    middles = (held[1:] + held[:-1]) / 2
    target = np.zeros(len(scores))
    np.add.at(target, held[np.searchsorted(middles, np.arange(len(scores)))], scores)
    weight = np.divide(target, labelled, out=np.zeros(len(scores)), where=labelled > 0) * (TOTAL / scores.sum())
    return _outcome(outcome, negative * weight, positive * weight)


def _outcome(reference: Outcome, negative: Floats, positive: Floats) -> Outcome:
    """Return the outcome that rows by score bin and label give, predictions following the threshold."""
    edges = reference.edges
    above = edges[:-1] >= reference.schema.threshold
    counts = np.zeros(len(reference.counts), dtype=np.int64)
    for label, side in enumerate((negative, positive)):
        counts[HEAD + 2 * label], counts[HEAD + 2 * label + 1] = round(side[~above].sum()), round(side[above].sum())
    rows = negative.sum() + positive.sum()
    brier, log_loss = _losses(edges, negative, positive)
    hidden = _hidden(reference)
    tail = HEAD + 4
    counts[tail] = round(rows)
    counts[tail + 1] = round(max(0.0, brier + hidden[0] * rows) * UNIT)
    counts[tail + 2] = round(max(0.0, log_loss + hidden[1] * rows) * UNIT)
    counts[tail + 3 :] = np.rint(np.concatenate([negative, positive])).astype(np.int64)
    return Outcome(reference.schema, reference.bins, edges, counts)


def _losses(edges: Floats, negative: Floats | Ints, positive: Floats | Ints) -> tuple[float, float]:
    """Return Σ Brier and Σ log-loss of rows in the middle of their bins."""
    middle = np.clip((edges[1:] + edges[:-1]) / 2, SURE, 1 - SURE)
    brier = float(positive @ (1 - middle) ** 2 + negative @ middle**2)
    return brier, float(-(positive @ np.log(middle) + negative @ np.log1p(-middle)))


def _hidden(reference: Outcome) -> tuple[float, float]:
    """Return how far the reference's mean Brier score and log-loss are from those of its bins' middles."""
    if not reference.scored:
        return 0.0, 0.0
    brier, log_loss = _losses(reference.edges, *reference.score_counts[0])
    rows = reference.scored
    return (reference.brier_sum - brier) / rows, (reference.log_loss_sum - log_loss) / rows
