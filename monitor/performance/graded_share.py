"""How many candidates have a grade."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class GradedShare(PerformanceMeasure):
    """The share of the candidates of labelled queries that have a grade: those without are passed over."""

    name: ClassVar[str] = "graded_share"
    title: ClassVar[str] = "Candidates graded"
    unit: ClassVar[str] = "share"
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    of_labels: ClassVar[bool] = True

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        candidates = outcome.ranked("candidates") if outcome.judged else 0
        return outcome.ranked("graded") / candidates if candidates else None
