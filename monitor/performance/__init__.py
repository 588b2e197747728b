"""How good predictions turned out to be: one measure a file, each a pure function of an outcome.

To add a measure, put one file here with one concrete subclass of `PerformanceMeasure`. It is found by
``plugins(monitor.performance, PerformanceMeasure)``: the performance job computes it, the dashboard shows it, and the
conformance tests run on it unasked.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from monitor.profile.outcome import Outcome
from monitor.types import Task


class PerformanceMeasure(ABC):
    """A number that says how good predictions were.

    Attributes:
        name: how metrics name it, ``performance.<name>``.
        title: how people name it.
        unit: ``share`` (shown as a percentage), ``target`` (the target's own unit), ``nats`` or empty.
        tasks: which tasks it can judge.
        better: which direction is good.
        signed: whether both signs occur, so that ``better`` is judged on the absolute value.
        of_labels: whether it tells of the labels that came, whatever was predicted.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = ""
    tasks: ClassVar[frozenset[Task]]
    better: ClassVar[Literal["higher", "lower"]]
    signed: ClassVar[bool] = False
    of_labels: ClassVar[bool] = False

    @abstractmethod
    def value(self, outcome: Outcome) -> float | None:
        """Return the measure, or None where it is not defined, such as without rows or with one class only."""


CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
REGRESSION = frozenset({Task.REGRESSION})
RANKING = frozenset({Task.RANKING})
