"""Recall of the first k places."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class RecallAtK(PerformanceMeasure):
    """The share of what is relevant that stands in the first k places; a query with nothing relevant counts 0."""

    name: ClassVar[str] = "recall_at_k"
    title: ClassVar[str] = "Recall@k"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("recall") / outcome.judged if outcome.judged else None
