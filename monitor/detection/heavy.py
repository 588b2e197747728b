"""Where the reference's own chunks deny a law, their ranks are believed."""

from dataclasses import dataclass

import numpy as np

from monitor.detection.tails import from_tail_area
from monitor.profile.values import Floats

ENOUGH = 30
"""With fewer chunks than this a law leans on a prior, and says that it is not calibrated."""

_ODD = 0.01  # the chance that the reference's largest z-score is beyond what is taken for ordinary
_DENIED = 2.5  # standard errors of skewness or kurtosis that deny a law


@dataclass(frozen=True, eq=False)
class Tail:
    """How far out the reference's own chunks lie, in z-scores. Where they deny the law, their ranks are believed.

    Rain has days without any and days of a storm: no law fits both. A new chunk's rank among the reference's is an
    honest p-value whatever the law: with K of them all K + 1 ranks are as likely, and each stands for an interval of
    p-values, of which evidence takes the middle (its end would be a bet whose mean is less than 1: three days as far
    out as a reference's second farthest would never alarm). Beyond the farthest of them the law's own tail goes on.

    Attributes:
        own: z-scores of the reference's chunks, in increasing order, [K].
        heavy: whether they are no sample of a normal law.
    """

    own: Floats
    heavy: bool

    @classmethod
    def of(cls, z: Floats) -> "Tail":
        """Return the upper tail of the z-scores of the reference's own chunks, [K]."""
        own = np.sort(z[np.isfinite(z)])
        count = len(own)
        if count < ENOUGH:
            return cls(own, heavy=False)
        centred = own - own.mean()
        spread = max(float(np.sqrt(np.mean(centred**2))), 1e-12)
        skew, excess = float(np.mean(centred**3)) / spread**3, float(np.mean(centred**4)) / spread**4 - 3
        usual = float(from_tail_area(np.array([_ODD / count]))[0])
        heavy = skew > _DENIED * np.sqrt(6 / count) or excess > _DENIED * np.sqrt(24 / count) or own[-1] > usual
        return cls(own, bool(heavy))

    def temper(self, z: Floats) -> Floats:
        """Return z-scores [M], none of them larger than it was."""
        if not self.heavy:
            return z
        count = len(self.own)
        beyond = count - np.searchsorted(self.own, np.nan_to_num(z), side="left")
        by_rank = from_tail_area((beyond + 0.5) / (count + 1))  # the middle of the ranks it stands for
        farther = np.sqrt(np.maximum(z * z - self.own[-1] ** 2, 0.0) + by_rank**2)
        return np.minimum(z, np.where((beyond == 0) & (z > 0), farther, by_rank))
