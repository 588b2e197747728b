"""Bias."""

from typing import ClassVar, Literal

from monitor.performance import REGRESSION, PerformanceMeasure
from monitor.profile.outcome import Outcome
from monitor.types import Task


class Bias(PerformanceMeasure):
    """The mean of prediction − label: positive where predictions are too high."""

    name: ClassVar[str] = "bias"
    title: ClassVar[str] = "Bias"
    unit: ClassVar[str] = "target"
    tasks: ClassVar[frozenset[Task]] = REGRESSION
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    signed: ClassVar[bool] = True

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return outcome.moment("error") if outcome.judged else None
