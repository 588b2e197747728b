"""The measures of a model: those of its task that are found, and what predictions are worth where its owner says so."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import monitor.performance
from monitor.performance import PerformanceMeasure
from monitor.performance.business_value import value_per_prediction
from monitor.plugins import plugins
from monitor.profile.outcome import Outcome
from monitor.types import Model, OutcomeValues, Task


class Worth(PerformanceMeasure):
    """The mean value of a prediction by the owner's settings, in their unit."""

    name: ClassVar[str] = "value_per_prediction"
    title: ClassVar[str] = "Value of a prediction"
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.BINARY})
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, values: OutcomeValues) -> None:
        self._values = values
        self.unit = values.unit  # type: ignore[misc] # of this owner, not of the class

    def value(self, outcome: Outcome) -> float | None:
        """Return the measure; see `PerformanceMeasure.value`."""
        return value_per_prediction(outcome, self._values)


class Measures:
    """Every measure that is found, by model."""

    def __init__(self) -> None:
        self._found = [measure() for measure in plugins(monitor.performance, PerformanceMeasure).values()]

    def of(self, model: Model) -> Sequence[PerformanceMeasure]:
        """Return the measures of a model's task."""
        fitting = [measure for measure in self._found if model.schema.task in measure.tasks]
        values = model.settings.outcome_values
        return [*fitting, Worth(values)] if values is not None and model.schema.task is Task.BINARY else fitting
