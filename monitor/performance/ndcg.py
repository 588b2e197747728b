"""Normalised discounted cumulative gain."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class Ndcg(PerformanceMeasure):
    """How much of what was relevant stands near the top: the mean over queries, 1 where the order is perfect.

    k is the schema's ``cutoff``; a query with nothing relevant counts 0. See `monitor.profile.ranking.quality`.
    """

    name: ClassVar[str] = "ndcg"
    title: ClassVar[str] = "nDCG@k"
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("ndcg") / outcome.judged if outcome.judged else None
