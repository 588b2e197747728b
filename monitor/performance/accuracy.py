"""Accuracy."""

from typing import ClassVar, Literal

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class Accuracy(PerformanceMeasure):
    """The share of predictions that are the label."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return float(outcome.confusion.trace() / outcome.judged) if outcome.judged else None
