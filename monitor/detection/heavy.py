"""Where the reference's own chunks deny a law, their ranks are believed."""

from dataclasses import dataclass

import numpy as np

from monitor.detection.tails import from_t, from_tail_area
from monitor.profile.values import Floats

ENOUGH = 30
"""With fewer chunks than this a law leans on a prior, and says that it is not calibrated."""

_ODD = 0.01  # the chance that the reference's largest z-score is beyond what is taken for ordinary
_DENIED = 2.5  # standard errors of skewness, kurtosis or a side's spread that deny a law
_LIGHTEST = 0.5  # the least spread of a side that is believed
_PRIOR = 8.0  # chunks of the law that are added to a side


@dataclass(frozen=True, eq=False)
class Tail:
    """How far out the reference's own chunks lie, in z-scores. Where they deny the law, their ranks are believed.

    Rain has days without any and days of a storm: no law fits both. A new chunk's rank among the reference's is an
    honest p-value whatever the law: with K of them all K + 1 ranks are as likely, and each stands for an interval of
    p-values, of which evidence takes the middle (its end would be a bet whose mean is less than 1: three days as far
    out as a reference's second farthest would never alarm). Beyond the farthest of them the law's own tail goes on.

    A tail may be lighter than the law too: holidays empty a schedule and nothing ever doubles it. Then the variance,
    which both sides share, is too large for this side. Where it was asked for, such a side has a spread of its own.

    Attributes:
        own: z-scores of the reference's chunks, in increasing order, [K].
        heavy: whether they are no sample of a normal law.
        spread: of those above 0 where that is apparently less than 1; else 1. ``own`` is divided by it.
        side: how many are above 0.
    """

    own: Floats
    heavy: bool
    spread: float = 1.0
    side: int = 0

    @classmethod
    def of(cls, z: Floats, *, sided: bool = False) -> "Tail":
        """Return the upper tail of the z-scores of the reference's own chunks, [K].

        Args:
            z: [K].
            sided: whether it may have a spread of its own.
        """
        own = np.sort(z[np.isfinite(z)])
        count = len(own)
        if count < ENOUGH:
            return cls(own, heavy=False)
        above = own[own > 0]
        wide = _spread(above) if sided else 1.0
        own = np.where(own > 0, own / wide, own)
        centred = own - own.mean()
        spread = max(float(np.sqrt(np.mean(centred**2))), 1e-12)
        skew, excess = float(np.mean(centred**3)) / spread**3, float(np.mean(centred**4)) / spread**4 - 3
        usual = float(from_tail_area(np.array([_ODD / count]))[0])
        heavy = skew > _DENIED * np.sqrt(6 / count) or excess > _DENIED * np.sqrt(24 / count) or own[-1] > usual
        return cls(own, bool(heavy), wide, len(above))

    def temper(self, z: Floats) -> Floats:
        """Return z-scores [M], none of them larger than it was but for the spread."""
        if self.spread < 1:
            z = np.where(z > 0, np.maximum(from_t(z / self.spread, float(self.side)), z), z)
        if not self.heavy:
            return z
        count = len(self.own)
        beyond = count - np.searchsorted(self.own, np.nan_to_num(z), side="left")
        by_rank = from_tail_area((beyond + 0.5) / (count + 1))  # the middle of the ranks it stands for
        farther = np.sqrt(np.maximum(z * z - self.own[-1] ** 2, 0.0) + by_rank**2)
        return np.minimum(z, np.where((beyond == 0) & (z > 0), farther, by_rank))


NO_TAIL = Tail(np.zeros(0), heavy=False)
"""Of a law that nothing denies."""


def _spread(above: Floats) -> float:
    """Return the spread of the z-scores on one side, of a half-normal law 1; 1 where it is not apparently less."""
    if len(above) < ENOUGH // 2:
        return 1.0
    wide = float(np.sqrt((np.sum(above**2) + _PRIOR) / (len(above) + _PRIOR)))
    return max(wide, _LIGHTEST) if wide < 1 - _DENIED * np.sqrt(0.5 / len(above)) else 1.0
