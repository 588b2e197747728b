"""Mean reciprocal rank."""

from typing import ClassVar, Literal

from monitor.performance import RANKING, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class ReciprocalRank(PerformanceMeasure):
    """The mean over queries of 1 / the place of the first relevant candidate, 0 where there is none.

    Source: Voorhees, "The TREC-8 question answering track report" (1999).
    """

    name: ClassVar[str] = "reciprocal_rank"
    title: ClassVar[str] = "MRR"
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]] = RANKING
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.ranked("reciprocal_rank") / outcome.judged if outcome.judged else None
