"""The loss of a window: three sums, from the profile of its labels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.errors import InvalidInput
from monitor.profile.outcome import Outcome
from monitor.types import Task

LOSSES: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("accuracy", "brier"),
    Task.MULTICLASS: ("accuracy", "brier"),
    Task.REGRESSION: ("mae",),
    Task.RANKING: ("ndcg",),
}
"""The measures that a tolerance can be set for, by task; the first is the default."""

_BRIER_MOST = {Task.BINARY: 1.0, Task.MULTICLASS: 2.0}


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of some rows, by the measure that it is of.

    ``accuracy``: whether a row is wrong; ``mae``: |error|; ``brier``: its Brier score; ``ndcg``: what is missing to 1.

    Attributes:
        rows: labelled rows.
        total: the sum of their losses, none of them negative.
        squares: the sum of their squares, or something larger.
        share: whether each loss is 0 or 1.
    """

    rows: int
    total: float
    squares: float
    share: bool = True

    def __add__(self, other: "Loss") -> "Loss":
        """Return the loss of both sets of rows."""
        return Loss(
            self.rows + other.rows, self.total + other.total, self.squares + other.squares, self.share and other.share
        )

    @property
    def mean(self) -> float:
        """Loss of a row; 0 without rows."""
        return self.total / self.rows if self.rows else 0.0

    @property
    def variance(self) -> float:
        """Variance of one row's loss, or something larger."""
        if not self.rows:
            return 0.0
        found = self.squares / self.rows - self.mean * self.mean
        return math.inf if math.isnan(found) else max(0.0, found)  # beyond all numbers, both of them


def loss_of(outcome: Outcome, metric: str) -> Loss:
    """Return the loss of a window's labelled rows.

    Args:
        outcome: predictions against labels.
        metric: one of `LOSSES` for the model's task.

    Raises:
        InvalidInput: the measure is none of them.
    """
    task = outcome.schema.task
    if metric not in LOSSES[task]:
        raise InvalidInput(f"tolerance: {metric!r} is no loss of a {task} model; there are {', '.join(LOSSES[task])}")
    if metric == "accuracy":
        wrong = float(outcome.confusion.sum() - outcome.confusion.trace())
        return Loss(outcome.judged, wrong, wrong)
    if metric == "brier":
        return Loss(outcome.scored, outcome.brier_sum, outcome.brier_sum * _BRIER_MOST[task], share=False)
    rows = outcome.judged
    if metric == "ndcg":
        lost = rows - outcome.ranked("ndcg")  # each between 0 and 1, so its square is no larger
        return Loss(rows, lost, lost, share=False)
    if not rows:
        return Loss(0, 0.0, 0.0, share=False)
    return Loss(rows, outcome.moment("absolute") * rows, outcome.moment("squared") * rows, share=False)
