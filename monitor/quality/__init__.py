"""How much of a column cannot be used or trusted: one measure a file, each a share that a profile gives.

To add a measure, put one file here with one concrete subclass of `QualityMeasure`. It is found by
``plugins(monitor.quality, QualityMeasure)``: the quality job computes it, the dashboard shows it, and the conformance
tests run on it unasked.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from monitor.profile.column import ColumnProfile


class QualityMeasure(ABC):
    """A share of rows, from 0 (good) to 1.

    Attributes:
        name: how metrics name it, ``quality.<name>``.
        title: how people name it.
        unit: ``share``: shown to people as a percentage.
        kinds: which profiles it can judge, of ``numeric`` and ``category``.
        floor: how much more than in the reference matters, as a share (0.05 is five percentage points).
        column: the one column that it judges; None: every input column and the model's output.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = "share"
    kinds: ClassVar[frozenset[str]]
    floor: ClassVar[float]
    column: ClassVar[str | None] = None

    @abstractmethod
    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share, or None where there is nothing to take a share of."""

    def threshold(self, reference: ColumnProfile) -> float:
        """Return the share above which it is worth a look: what the reference has, and the floor more."""
        return (self.value(reference) or 0.0) + self.floor


def share(part: int, whole: int) -> float | None:
    """Return ``part / whole``, or None without a whole.

    >>> share(1, 4), share(0, 0)
    (0.25, None)
    """
    return part / whole if whole else None
