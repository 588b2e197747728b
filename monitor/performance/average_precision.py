"""Mean average precision."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class AveragePrecision(PerformanceMeasure):
    """The mean over queries of the precision at each relevant candidate; a query with nothing relevant counts 0.

    Source: Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), 8.4.
    """

    name: ClassVar[str] = "average_precision"
    title: ClassVar[str] = "MAP"
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("average_precision") / outcome.judged if outcome.judged else None
