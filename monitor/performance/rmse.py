"""Root mean squared error."""

from typing import ClassVar, Literal

from monitor.performance import REGRESSION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class RootMeanSquaredError(PerformanceMeasure):
    """The root of the mean of (prediction − label)²."""

    name: ClassVar[str] = "rmse"
    title: ClassVar[str] = "Root mean squared error"
    unit: ClassVar[str] = "target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.root("squared") if outcome.judged else None
