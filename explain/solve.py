"""From the answers along walks to Shapley values that add up, and how sure they are."""

from dataclasses import dataclass

import numpy as np

from explain.coalitions import Matrix, Rows

NORMAL = 1.96
"""The normal distribution's quantile for intervals of 95 %."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Shapley values, adding up to the given total, and their variances, [players]."""

    values: Matrix
    variances: Matrix


def steps(orders: Rows, forward: Matrix, backward: Matrix, start: Matrix, end: float) -> Matrix:
    """Return what each walk says of each player's value: the mean change when it joins, there and back.

    Args:
        orders: the players in the order in which they join, [walks, players].
        forward: the worth of the walks' coalitions, [walks, players − 1].
        backward: the worth of their complements, [walks, players − 1].
        start: the worth of no players, for each walk.
        end: the worth of all players.

    >>> steps(np.array([[1, 0]]), np.array([[5.0]]), np.array([[1.0]]), np.array([0.0]), 6.0).tolist()
    [[1.0, 5.0]]
    """
    walks, players = orders.shape
    apart = np.empty((walks, players + 1))  # there from back, at each step
    apart[:, 0] = start - end
    np.subtract(forward, backward, out=apart[:, 1:-1])
    apart[:, -1] = end - start
    found = np.empty(walks * players)
    found[orders + np.arange(0, walks * players, players)[:, None]] = np.diff(apart, axis=1) / 2
    return found.reshape(walks, players)


def combine(found: Matrix, rows: Rows, worth: Matrix, left_out: int, usual: float, total: float) -> Fit:
    """Average walks over background rows.

    Every background row is a game of its own, and the mean of their values is sought. Where each was walked, only the
    walks' order is left to chance. Where background rows were left out, the others stand for them, corrected by the
    worth of no players, which is known of all; then what differs between rows counts too.

    Args:
        found: what each walk says, [walks, players].
        rows: which of the background rows used each walk had; each row at least once.
        worth: the worth of no players with each of the rows used, [rows].
        left_out: how many background rows were not used.
        usual: the mean worth of no players over all background rows.
        total: what the values must add up to.

    Returns:
        The values, and their variances by two-stage sampling (Cochran 1977, chapter 10): for means, the jackknife's.
        They are widened as Student's t is for few walks, so that ± 1.96 standard errors cover 95 %.
    """
    used, players = len(worth), found.shape[1]
    freedom = max(len(rows) - used, 1)
    times = np.bincount(rows, minlength=used)
    of_rows = _sums(found, rows, used) / times[:, None]
    squares = _sums((found - of_rows[rows]) ** 2, rows, used)
    if times.min() > 1:
        within = (squares / (times * (times - 1))[:, None]).sum(axis=0) / used**2
    else:  # rows that were walked once are taken to vary like the others: which ones those are was left to chance
        pooled = squares.sum(axis=0) / freedom
        within = pooled * (1 / times).sum() / used**2
    values, variances = of_rows.mean(axis=0), within
    if left_out:
        apart = worth - worth.mean()
        slope = apart @ of_rows / (apart @ apart) if np.any(apart) else np.zeros(players)
        values = values + slope * (usual - worth.mean())
        rest = of_rows - of_rows.mean(axis=0) - apart[:, None] * slope
        share = used / (used + left_out)
        variances = share * within + (1 - share) * (rest**2).sum(axis=0) / max(used - 2, 1) / used
    # A player for whom no walk differed is not certain yet: as if one walk more had differed as the mean player's do.
    variances = np.maximum(variances, (freedom * variances + variances.mean()) / (freedom + 1))
    widening = 1 + (NORMAL**2 + 1) / (4 * freedom)  # the first term of t's quantile (Abramowitz and Stegun 26.7.5)
    return Fit(values + (total - values.sum()) / players, variances * widening**2)


def _sums(values: Matrix, groups: Rows, count: int) -> Matrix:
    """Return the sums of the rows of each of the groups, [groups, columns]; each has a row."""
    order = groups.argsort(kind="stable")
    first = np.searchsorted(groups[order], np.arange(count))
    return np.asarray(np.add.reduceat(values[order], first, axis=0))
