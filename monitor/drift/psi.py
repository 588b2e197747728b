"""Population stability index."""

from typing import ClassVar

import numpy as np

from monitor.drift.shares import ShareMeasure
from monitor.profile.values import Floats

_LEAST = 1e-4


class PopulationStability(ShareMeasure):
    """Σ (q − p) ln(q / p) over ten reference deciles, or over the categories.

    A share below 0.01 % counts as 0.01 %, so that an empty group has a finite cost. Source: Siddiqi, "Credit Risk
    Scorecards" (2006), where below 0.1 reads as stable and above 0.25 as a shift.
    """

    name: ClassVar[str] = "psi"
    title: ClassVar[str] = "Population stability index"
    groups: ClassVar[int] = 10

    def distance(self, before: Floats, after: Floats) -> float:
        """Return the index; see `ShareMeasure.distance`."""
        before, after = (np.maximum(part, _LEAST) for part in (before, after))
        return float(np.sum((after - before) * np.log(after / before)))
