"""How far a column has moved from its reference: one measure a file, each a pure function of two profiles.

To add a measure, put one file here with one concrete subclass of `DriftMeasure`. It is found by
``plugins(monitor.drift, DriftMeasure)``: the drift job computes it, the dashboard shows it, and the conformance tests
run on it unasked. It must be 0 for identical profiles, never negative, and None where it is not defined.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from monitor.profile.column import ColumnProfile
from monitor.types import Scalar


class DriftMeasure(ABC):
    """A distance between the reference and the current profile of one column.

    Attributes:
        name: how metrics name it, ``drift.<name>``.
        title: how people name it.
        unit: the unit of the score, empty for a plain number.
        kinds: which profiles it can compare, of ``numeric`` and ``category``.
        floor: the least score that matters; a calibrated threshold is never below it.
        scaled: whether the score is in the column's own unit; ``floor`` is then in deviations of the reference.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = ""
    kinds: ClassVar[frozenset[str]]
    floor: ClassVar[float]
    scaled: ClassVar[bool] = False

    def least(self, reference: ColumnProfile) -> float:
        """Return the least score that matters for this column: ``floor``, in the unit that the score is in."""
        return self.floor * reference.std if self.scaled and reference.present else self.floor

    @abstractmethod
    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return how far ``current`` is from ``reference``: 0 for the same shares, more for more.

        Only usable values count; nulls and the like are data quality, not drift.

        Args:
            reference: the column's profile over the reference window.
            current: its profile, in the same binning, over the window that is judged.

        Returns:
            The score, or None where either profile holds no usable value.
        """


def describe(reference: ColumnProfile, current: ColumnProfile) -> dict[str, Scalar]:
    """Say in plain units what changed.

    Returns:
        For numbers ``reference_mean``, ``current_mean``, ``reference_std`` and ``shift_sd`` (the change of the mean in
        reference standard deviations; None without spread). For categories the ``category`` whose share changed most,
        its ``reference_share`` and its ``current_share``. Empty where either profile holds no usable value.
    """
    if not reference.present or not current.present:
        return {}
    if reference.kind == "category":
        before, after = reference.mass / reference.present, current.mass / current.present
        most = int(np.argmax(np.abs(after - before)))
        return {
            "category": reference.labels[most],
            "reference_share": float(before[most]),
            "current_share": float(after[most]),
        }
    std = reference.std
    shift = (current.mean - reference.mean) / std if std > 0 else None
    return {
        "reference_mean": reference.mean,
        "current_mean": current.mean,
        "reference_std": std,
        "shift_sd": shift if shift is not None and math.isfinite(shift) else None,
    }
