"""From the answers along walks to Shapley values that add up, and how sure they are."""

from dataclasses import dataclass

import numpy as np

from explain.coalitions import Matrix, Rows

NORMAL = 1.96
"""The normal distribution's quantile for intervals of 95 %."""


LEAST_FREEDOM = 2.0
"""Fewer degrees of freedom are not told apart: intervals would have no end."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Shapley values, adding up to the given total, and their variances, [players]."""

    values: Matrix
    variances: Matrix


def widening(freedom: Matrix) -> Matrix:
    """Return how much wider intervals of 95 % are by Student's t than by the normal distribution.

    Its quantile by the first four terms of Abramowitz and Stegun 26.7.5: 1 % short with two degrees of freedom.

    >>> (1.96 * widening(np.array([2.0, 5.0, 30.0]))).round(3).tolist()
    [4.271, 2.57, 2.042]
    """
    z, t = NORMAL, 1 / np.maximum(freedom, 1)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1_482 * z**5 - 1_920 * z**3 - 945 * z) / 92_160,
    )
    return np.asarray(1 + sum(term * t**power for power, term in enumerate(terms, start=1)) / z)


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
        They are widened as Student's t is, so that ± 1.96 standard errors cover 95 %. Its degrees of freedom are by how
        much squares differ (Satterthwaite 1946).
    """
    used, players = len(worth), found.shape[1]
    freedom = max(len(rows) - used, 1)
    times = np.bincount(rows, minlength=used)
    of_rows = _sums(found, rows, used) / times[:, None]
    # Where some rows were walked once, all are taken to vary alike: which ones those are was left to chance.
    counts = 1 / (times * (times - 1)) if times.min() > 1 else np.full(used, (1 / times).sum() / freedom)
    kept = used / (used + left_out)
    apiece = (found - of_rows[rows]) ** 2 * (counts * kept / used**2)[rows, None]
    values, between = of_rows.mean(axis=0), np.zeros((1, players))
    if left_out:
        apart = worth - worth.mean()
        slope = apart @ of_rows / (apart @ apart) if np.any(apart) else np.zeros(players)
        values = values + slope * (usual - worth.mean())
        rest = of_rows - of_rows.mean(axis=0) - apart[:, None] * slope
        between = (1 - kept) * rest**2 / max(used - 2, 1) / used
        freedom += used
    variances = apiece.sum(axis=0) + between.sum(axis=0)
    largest = max(float(variances.max()), 1e-300)
    shares, others = apiece / largest, between / largest
    # Of a row with n walks all of what differs is told by n − 1; squares of normal numbers have three times the mean.
    spread = ((times / np.maximum(times - 1, 1))[rows] @ shares**2 + (others**2).sum(axis=0)) / 3
    told = shares.sum(axis=0) + others.sum(axis=0)
    # What few walks tell most of is known as by few: heavy tails, and inputs that trees rarely ask for.
    known = np.divide(told**2, spread, out=np.full(players, freedom + 2.0), where=spread > 0) - 2
    # A player for whom no walk differed is not certain yet: as if one walk more had differed as the mean player's do.
    least = np.maximum(variances, (freedom * variances + variances.mean()) / (freedom + 1))
    # Where walks rarely differ, and then by much (a majority decides), as the median player's do when they do.
    once = largest * np.divide(3 * spread, told, out=np.zeros(players), where=told > 0)
    variances = np.maximum(least, np.median(once))
    wider = widening(np.clip(known, LEAST_FREEDOM, max(freedom, LEAST_FREEDOM)))
    return Fit(values + (total - values.sum()) / players, variances * wider**2)


def weigh(one: Fit, other: Fit) -> Fit:
    """Return the mean of two independent estimates, each counting by how sure it is.

    >>> weigh(Fit(np.array([1.0]), np.array([1.0])), Fit(np.array([4.0]), np.array([2.0])))
    Fit(values=array([2.]), variances=array([0.66666667]))
    """
    first, second = float(one.variances.sum()), float(other.variances.sum())
    share = second / (first + second) if first + second else 0.5
    return Fit(
        share * one.values + (1 - share) * other.values,
        share**2 * one.variances + (1 - share) ** 2 * other.variances,
    )


def _sums(values: Matrix, groups: Rows, count: int) -> Matrix:
    """Return the sums of the rows of each of the groups, [groups, columns]; each has a row."""
    order = groups.argsort(kind="stable")
    first = np.searchsorted(groups[order], np.arange(count))
    return np.asarray(np.add.reduceat(values[order], first, axis=0))
