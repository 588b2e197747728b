"""Mean absolute error."""

from typing import ClassVar, Literal

from monitor.performance import REGRESSION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class MeanAbsoluteError(PerformanceMeasure):
    """The mean of |prediction − label|."""

    name: ClassVar[str] = "mae"
    title: ClassVar[str] = "Mean absolute error"
    unit: ClassVar[str] = "target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.moment("absolute") if outcome.judged else None
