"""What labelled windows differed from their promise by: carried forward where it lasts, left out where it is chance.

A residual is realised − promised. Residuals are taken as a slow state (first-order autoregressive about zero) plus the
chance of each window; the state's size and persistence come from their autocovariances, and the forecast is the
linear one of least error (kriging). It begins at zero, so without evidence the promise stands.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.profile.values import Floats

GATE = 1.75
"""How many standard errors of white noise the first two autocovariances must exceed before anything is carried forward;
white noise does so in 4 % of windows."""
FEWEST, LATEST = 6, 40
SLOWEST, FASTEST = 1.0, 0.3


class Anchor(NamedTuple):
    """A forecast of the next residual: its value (0 where the gate is shut), and the standard deviation about it."""

    offset: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Past:
    """Labelled windows, the oldest first.

    Attributes:
        promised: the measure that scores promised, [N].
        realised: what it came to, [N].
        chance: the standard deviation that drawing labels alone gives it, [N].
    """

    promised: Floats
    realised: Floats
    chance: Floats

    @property
    def residual(self) -> Floats:
        """Realised − promised, [N]."""
        return self.realised - self.promised

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.promised)

    def before(self, end: int) -> "Past":
        """Return the first ``end`` windows."""
        return Past(self.promised[:end], self.realised[:end], self.chance[:end])


def anchor(past: Past, chance: float, ahead: int) -> Anchor:
    """Forecast the residual of a window.

    Args:
        past: the labelled windows before it; the latest `LATEST` count.
        chance: the standard deviation of the window's own labels.
        ahead: how many windows after the last labelled one it is, at least 1.

    >>> steady = Past(np.full(20, 0.9), np.full(20, 0.8), np.full(20, 0.01))
    >>> round(anchor(steady, 0.01, 1).offset, 1)
    -0.1
    """
    residual, noise = past.residual[-LATEST:], past.chance[-LATEST:]
    size = len(residual)
    power = float(np.mean(residual**2)) if size else 0.0
    own = float(np.mean(noise**2)) if size else 0.0
    plain = Anchor(0.0, math.hypot(chance, math.sqrt(max(0.0, power - own))))
    if size < FEWEST or power == 0:
        return plain
    one = float(residual[1:] @ residual[:-1]) / size
    two = float(residual[2:] @ residual[:-2]) / size
    if one <= 0 or size * (one + two) < GATE * power * math.sqrt(2 * size):
        return plain
    keeps = min(SLOWEST, max(FASTEST, two / one))
    state = min(one / keeps, power)
    extra = max(0.0, power - state - own)
    age = np.arange(size)[::-1]
    matrix = state * keeps ** np.abs(age[:, None] - age) + np.diag(noise**2 + extra + 1e-9 * power)
    toward = state * keeps ** (age + ahead)
    weights = np.linalg.solve(matrix, toward)
    unknown = max(0.0, state - float(weights @ toward))
    return Anchor(float(weights @ residual), math.sqrt(chance**2 + extra + unknown))
