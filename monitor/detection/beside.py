"""Where a column lies beside the others: on a warm day warm air is no wonder, dry air is.

Days share weather and campaigns, so that columns move together from day to day. What a column's z-score is beyond what
the other columns' lead to expect (a regression over the reference's chunks; Hawkins 1991 calls it the regression-
adjusted variable) varies less than the z-score by itself, and a fault in this column alone stands out from it sooner.
A change that all of them share does not show here at all: both are judged, each with half of the evidence.

A column may not be accused of what another one does. So nothing is said where a column that it goes by is out of the
ordinary or part of an incident, and never much more than the column's own z-score says.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detection.heavy import ENOUGH, Tail
from monitor.detection.tails import from_t, from_tail_area
from monitor.profile.values import Floats, Ints

_DOWN, _UP = 0, 1
_DOWN_BESIDE, _UP_BESIDE = 4, 5
_EACH = 10  # chunks of reference for each column that is gone by
_CHANCE = 0.01  # that any of the columns that have nothing to do with one are taken for such
_WORTH = 0.92  # of its own deviation, above which the others tell too little
_ORDINARY = 3.0  # deviations
_AT_MOST = 1.25  # times the column's own z-score


@dataclass(frozen=True, eq=False)
class Line:
    """What one column's z-score is expected to be by those of others.

    Attributes:
        of: its place.
        by: the places of those it goes by, [P].
        slopes: the mean, and what each of them adds, [P + 1].
        inverse: inverse of the moments that these were learned from, [P + 1, P + 1].
        spread: the deviation that is left, each chunk left out in turn.
        freedom: degrees of freedom of that.
        low, high: tails of what is left in the reference's own chunks.
    """

    of: int
    by: Ints
    slopes: Floats
    inverse: Floats
    spread: float
    freedom: float
    low: Tail
    high: Tail

    @classmethod
    def fit(cls, signed: Floats, of: int, among: Ints) -> "Line | None":
        """Learn from signed z-scores of chunks, [K, J], all finite; None where the others tell too little."""
        own, strength = signed[:, of], _likeness(signed[:, among], signed[:, of])
        best = np.argsort(-strength, kind="stable")[: len(signed) // _EACH]
        by = among[best[strength[best] > _apparent(len(signed), len(among))]]
        if not len(by):
            return None
        terms = _terms(signed[:, by])
        penalty = np.diag([0.0] + [1.0] * len(by))
        inverse: Floats = np.linalg.inv(terms.T @ terms + penalty).astype(np.float64)
        slopes = inverse @ (terms.T @ own)
        leverage = np.einsum("ki,ij,kj->k", terms, inverse, terms)
        left_out = (own - terms @ slopes) / np.maximum(1 - leverage, 1e-3)
        spread = float(np.sqrt(np.mean(left_out**2)))
        freedom = len(signed) - len(by) - 1.0
        if freedom < ENOUGH or spread >= _WORTH * float(own.std()):
            return None
        own_z = from_t(left_out / max(spread, 1e-3), freedom)
        return cls(of, by, slopes, inverse, max(spread, 1e-3), freedom, Tail.of(-own_z), Tail.of(own_z))

    def z(self, signed: Floats) -> tuple[Floats, Floats]:
        """Return z-scores of a move down and up beside the others, each [M]; NaN where nothing can be said.

        Args:
            signed: z-scores of all columns, [M, J].
        """
        others = signed[:, self.by]
        ordinary = np.abs(others).max(axis=1) <= _ORDINARY  # NaN is not
        terms = _terms(np.where(ordinary[:, None], others, 0.0))
        leverage = np.einsum("ki,ij,kj->k", terms, self.inverse, terms)
        t = (signed[:, self.of] - terms @ self.slopes) / (self.spread * np.sqrt(1 + leverage))
        found = np.where(ordinary, from_t(t, self.freedom), np.nan)
        return self.low.temper(-found), self.high.temper(found)


def learned(z: Floats, judged: Ints) -> tuple[Line, ...]:
    """Return the lines of those columns of which others tell something.

    Args:
        z: z-scores of the reference's chunks, [K, J, channels].
        judged: places of columns of numbers whose days differ by more than their rows explain.
    """
    signed = _signed(z)
    there = judged[np.isfinite(signed[:, judged]).mean(axis=0) >= 1 - 1 / _EACH] if len(z) else judged[:0]
    whole = signed[np.isfinite(signed[:, there]).all(axis=1)]
    if len(there) < 2 or len(whole) < 2 * ENOUGH:
        return ()
    lines = (Line.fit(whole, int(of), there[there != of]) for of in there)
    return tuple(line for line in lines if line is not None)


def besides(z: Floats, lines: tuple[Line, ...]) -> Floats:
    """Return the z-scores [M, J, channels] with those beside the other columns filled in."""
    filled, signed = z.copy(), _signed(z)
    for line in lines:
        down, up = line.z(signed)
        filled[:, line.of, _DOWN_BESIDE] = np.minimum(down, _AT_MOST * z[:, line.of, _DOWN])
        filled[:, line.of, _UP_BESIDE] = np.minimum(up, _AT_MOST * z[:, line.of, _UP])
    return filled


def hushed(z: Floats, lines: tuple[Line, ...], silent: frozenset[int]) -> Floats:
    """Return one chunk's z-scores, [J, channels], without those beside columns that are part of an incident."""
    spoilt = [line.of for line in lines if silent.intersection(line.by.tolist())]
    if not spoilt:
        return z
    kept = z.copy()
    kept[spoilt, _DOWN_BESIDE:] = np.nan
    return kept


def _signed(z: Floats) -> Floats:
    return (z[..., _UP] - z[..., _DOWN]) / 2


def _terms(others: Floats) -> Floats:
    return np.concatenate([np.ones((len(others), 1)), others], axis=1)


def _likeness(others: Floats, own: Floats) -> Floats:
    """Return the size of the correlations of columns, [K, J], with one, [K]; 0 of what is the same throughout."""
    centred, mine = others - others.mean(axis=0), own - own.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (mine @ mine))
    likeness: Floats = np.abs(mine @ centred) / np.maximum(scale, 1e-12)
    return likeness


def _apparent(chunks: int, columns: int) -> float:
    """Return the correlation that the best of so many columns hardly reaches by chance (Fisher's z).

    Of hundreds of columns some resemble any other one in a few chunks, left out in turn or not: the ones to go by were
    chosen on all of them.
    """
    area = np.array([_CHANCE / 2 / columns])
    return float(np.tanh(from_tail_area(area)[0] / np.sqrt(chunks - 3)))
