"""How often scores come true, bin by bin, as the reference's labels have it."""

from dataclasses import dataclass

import numpy as np

from monitor.profile.values import Bools, Floats

PRIOR = 1.0
"""How many rows of the reference's own base rate each level of the curve is mixed with, so that none is 0 or 1."""
NEAR, ENOUGH = 0.01, 5
"""A score is supported where the reference has at least five rows within 1 % of the scores' range about it."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A curve over B score bins.

    Attributes:
        rate: how often a score in the bin comes true, never falling, [B].
        supported: whether the reference has rows about there, [B].
    """

    rate: Floats
    supported: Bools

    def unsupported(self, rows: Floats) -> float:
        """Return the share of rows, given by bin, that lie where the reference has none; 0 without rows."""
        total = rows.sum()
        return float(rows[~self.supported].sum() / total) if total else 0.0


def isotonic(values: Floats, weights: Floats) -> Floats:
    """Return the never-falling sequence closest to ``values`` in weighted squares, by pooling adjacent violators.

    >>> isotonic(np.array([0.1, 0.5, 0.3, 0.9]), np.ones(4)).tolist()
    [0.1, 0.4, 0.4, 0.9]
    """
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, length = value, weight, 1
        while means and means[-1] >= mean:
            above, held = masses.pop(), mass
            mass = above + held
            mean = (means.pop() * above + mean * held) / mass
            length += lengths.pop()
        means.append(mean)
        masses.append(mass)
        lengths.append(length)
    return np.repeat(means, lengths)


def calibrate(negative: Floats, positive: Floats) -> Calibration | None:
    """Return the curve that labelled rows give, or None without rows.

    Between bins with rows it is interpolated, beyond them it stays level.

    Args:
        negative: rows by score bin whose label was another class, [B].
        positive: rows by score bin whose label was this class, [B].
    """
    rows = negative + positive
    held = np.flatnonzero(rows > 0)
    if not len(held):
        return None
    level = isotonic(positive[held] / rows[held], rows[held])
    block = np.cumsum(np.diff(level, prepend=level[0] - 1) != 0) - 1
    mass = np.bincount(block, rows[held])[block]
    base = positive.sum() / rows.sum()
    mixed = np.maximum.accumulate((level * mass + base * PRIOR) / (mass + PRIOR))
    places = np.arange(len(rows))
    return Calibration(np.interp(places, held, mixed), _supported(rows))


def _supported(rows: Floats) -> Bools:
    reach = max(1, round(NEAR * len(rows)))
    below = np.concatenate([[0.0], np.cumsum(rows)])
    places = np.arange(len(rows))
    around = below[np.minimum(places + reach + 1, len(rows))] - below[np.maximum(places - reach, 0)]
    near: Bools = around >= ENOUGH
    return near
