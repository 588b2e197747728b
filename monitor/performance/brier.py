"""Brier score."""

from typing import ClassVar, Literal

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class Brier(PerformanceMeasure):
    """The mean squared error of the probabilities; summed over the classes of a multiclass task, so up to 2.

    Source: Brier, "Verification of forecasts expressed in terms of probability" (1950), halved for a binary task.
    """

    name: ClassVar[str] = "brier"
    title: ClassVar[str] = "Brier score"
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.brier_sum / outcome.scored if outcome.scored else None
