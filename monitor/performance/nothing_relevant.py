"""Queries for which nothing is relevant."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class NothingRelevant(PerformanceMeasure):
    """The share of queries with no relevant candidate at all: such a query counts 0 in every other measure."""

    name: ClassVar[str] = "nothing_relevant"
    title: ClassVar[str] = "Nothing relevant"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    of_labels: ClassVar[bool] = True

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("irrelevant") / outcome.judged if outcome.judged else None
