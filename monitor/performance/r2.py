"""R²."""

from typing import ClassVar, Literal

from monitor.performance import REGRESSION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class DeterminationCoefficient(PerformanceMeasure):
    """The share of the labels' variance that predictions explain; None where all labels are equal."""

    name: ClassVar[str] = "r2"
    title: ClassVar[str] = "R²"
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        spread = outcome.root("variance")
        if not spread > 0:
            return None
        ratio = outcome.root("squared") / spread
        return 1 - ratio * ratio
