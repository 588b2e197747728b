"""What a confusion matrix says of each class, and how that becomes one number."""

from typing import NamedTuple

import numpy as np

from monitor.profile.outcome import Outcome
from monitor.profile.values import Ints
from monitor.types import Task


class PerClass(NamedTuple):
    """Rows of each class: predicted rightly, predicted as it, and truly of it; int64 [K] each."""

    hits: Ints
    predicted: Ints
    actual: Ints


def per_class(outcome: Outcome) -> PerClass:
    """Return the counts of each class in the order of the schema."""
    matrix = outcome.confusion
    return PerClass(np.diagonal(matrix), matrix.sum(axis=0), matrix.sum(axis=1))


def one_number(outcome: Outcome, part: Ints, whole: Ints) -> float | None:
    """Return ``part / whole`` of the positive class, or its plain mean over the classes of a multiclass task.

    Classes that occur neither in labels nor in predictions are left out of the mean; one that occurs in only one of
    them counts 0, as in scikit-learn.

    Args:
        outcome: where the counts come from.
        part: rows of each class, [K].
        whole: rows of each class that ``part`` is a share of, [K].
    """
    if outcome.schema.task is Task.BINARY:
        return float(part[1] / whole[1]) if len(whole) > 1 and whole[1] else None
    _, predicted, actual = per_class(outcome)
    occurs = (predicted + actual) > 0
    if not occurs.any():
        return None
    return float(np.mean(part[occurs] / np.maximum(whole[occurs], 1)))
