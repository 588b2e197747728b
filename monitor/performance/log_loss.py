"""Log-loss."""

from typing import ClassVar, Literal

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class LogLoss(PerformanceMeasure):
    """The mean of −ln of the probability given to the label."""

    name: ClassVar[str] = "log_loss"
    title: ClassVar[str] = "Log-loss"
    unit: ClassVar[str] = "nats"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.log_loss_sum / outcome.scored if outcome.scored else None
