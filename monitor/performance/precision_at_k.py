"""Precision of the first k places."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class PrecisionAtK(PerformanceMeasure):
    """The share of the first k places that hold something relevant; k is the schema's ``cutoff``."""

    name: ClassVar[str] = "precision_at_k"
    title: ClassVar[str] = "Precision@k"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("precision") / outcome.judged if outcome.judged else None
