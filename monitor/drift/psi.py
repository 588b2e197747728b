"""Population stability index."""

from typing import ClassVar

import numpy as np

from monitor.drift import DriftMeasure
from monitor.drift.shares import comparable, shares
from monitor.profile.column import ColumnProfile

_GROUPS = 10
_LEAST = 1e-4


class PopulationStability(DriftMeasure):
    """Σ (q − p) ln(q / p) over ten reference deciles, or over the categories.

    A share below 0.01 % counts as 0.01 %, so that an empty group has a finite cost. Source: Siddiqi, "Credit Risk
    Scorecards" (2006), where below 0.1 reads as stable and above 0.25 as a shift.
    """

    name: ClassVar[str] = "psi"
    title: ClassVar[str] = "Population stability index"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.1

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the index; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        before, after = (np.maximum(part, _LEAST) for part in shares(reference, current, _GROUPS))
        return float(np.sum((after - before) * np.log(after / before)))
