"""Precision."""

from typing import ClassVar, Literal

from monitor.performance import CLASSIFICATION, PerformanceMeasure
from monitor.performance.per_class import one_number, per_class
from monitor.profile.outcome import Outcome
from monitor.types import Task


class Precision(PerformanceMeasure):
    """How often a predicted class is right: of the positive class, or the mean over classes."""

    name: ClassVar[str] = "precision"
    title: ClassVar[str] = "Precision"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = CLASSIFICATION
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        counts = per_class(outcome)
        return one_number(outcome, counts.hits, counts.predicted)
