"""An estimate and the interval about it that holds nine in ten realised values, judged by its own past."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from monitor.estimation.anchor import Past, anchor
from monitor.profile.values import Floats

LEVEL = 0.9
DECAY = 0.88
"""How much less each earlier window counts in the interval's width."""
PRIOR = 7.0
"""How many windows of ordinary scatter the width begins with."""
LOOKED_BACK = 60
TESTED = 8
"""With fewer labelled windows than this an interval is called untested."""
RECENT, OUTSIDE, FAR = 5, 3, 1.5
"""So many of the last labelled windows outside their interval, and the estimate is not to be trusted; one that is far
outside, by half an interval more, counts twice. Where chance alone rules that happens to one window in forty."""

BEYOND = 3.0

_NORMAL: Floats = np.array([NormalDist().inv_cdf(0.5 + (at + 0.5) / 100) for at in range(50)])


@dataclass(frozen=True)
class Estimate:
    """One measure of one window before its labels.

    Attributes:
        value: the estimate.
        low: the lower end of its 90 % interval.
        high: the upper end.
        promised: what scores alone promise.
        offset: what labelled windows add to that.
        windows: how many labelled windows it stands on.
        outside: how many of the last `RECENT` of them were outside their own interval.
        far: how many of these were far outside.
        largest: the largest realised value of these windows.
        bounds: what the measure cannot leave.
    """

    value: float
    low: float
    high: float
    promised: float
    offset: float
    windows: int
    outside: int
    far: int = 0
    largest: float = 0.0
    bounds: tuple[float, float] = (0.0, 1.0)

    @property
    def tested(self) -> bool:
        """Whether enough labelled windows were seen for the interval to be more than a calculation."""
        return self.windows >= TESTED

    @property
    def missed(self) -> bool:
        """Whether the latest labelled windows contradict the estimate."""
        return self.outside + self.far >= OUTSIDE

    @property
    def vague(self) -> bool:
        """Whether the interval is too wide to say anything, as it is for a while after a sudden change.

        Of a measure that has an end it covers more than half of all there is; of one that begins at 0 and has none, it
        reaches from there to `BEYOND` times the largest value that was ever realised.
        """
        least, most = self.bounds
        if math.isfinite(most - least):
            return self.high - self.low > (most - least) / 2
        return math.isfinite(least) and self.low <= least and self.high > BEYOND * self.largest > 0


def estimate(
    promise: float, chance: float, past: Past, ahead: int = 1, bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """Return the estimate of a window with its interval.

    Every labelled window is estimated as it would have been then, as far ahead as this one; how far realised values
    were from these, in units of the deviation foreseen, says how wide the interval has to be.

    Args:
        promise: what the window's scores promise.
        chance: how far chance alone scatters the realised value (a standard deviation).
        past: the labelled windows before it, oldest first.
        ahead: how many windows after the last labelled one it is, at least 1.
        bounds: what the measure cannot leave.
    """
    first = max(0, len(past) - LOOKED_BACK)
    ratios: list[float] = []
    outside: list[float] = []
    for at in range(first, len(past)):
        known = past.before(max(0, at - ahead + 1))
        then = anchor(known, float(past.chance[at]), ahead)
        ratio = abs(past.residual[at] - then.offset) / max(then.deviation, 1e-12)
        if at >= len(past) - RECENT:
            outside.append(float(ratio) / _width(ratios[: max(0, len(ratios) - ahead + 1)]))
        ratios.append(float(ratio))
    now = anchor(past, chance, ahead)
    value = float(np.clip(promise + now.offset, *bounds))
    half = _width(ratios) * now.deviation
    low, high = np.clip([value - half, value + half], *bounds)
    misses, far = (sum(ratio > bound for ratio in outside) for bound in (1.0, FAR))
    largest = float(np.max(past.realised[first:], initial=0.0))
    ends = float(low), float(high)
    return Estimate(value, *ends, promise, value - promise, len(past), misses, far, largest, bounds)


def _width(ratios: list[float]) -> float:
    """Return the ratio that `LEVEL` of the windows stay under, the latest counting most.

    Between two windows it is interpolated: the larger of them would hold more than was asked, the more so the fewer.
    """
    weights = np.concatenate([DECAY ** np.arange(len(ratios))[::-1], np.full(len(_NORMAL), PRIOR / len(_NORMAL))])
    values = np.concatenate([ratios, _NORMAL])
    effective = weights.sum() ** 2 / (float((weights[: len(ratios)] ** 2).sum()) + PRIOR)
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(np.interp(min(LEVEL * (1 + 1 / effective), 0.995), reached, values[order]))
