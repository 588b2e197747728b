"""Which questions a Shapley estimate asks: all coalitions, or the coalitions along random walks.

A coalition says which players have the row's own value; the others have a background row's. A walk takes the players in
a random order from none to all, and the complements of its coalitions are the walk in the opposite order. Both together
cancel every interaction of even order, so that a walk is exact for a game of second order, and each walk is an unbiased
estimate of every player's value by itself (Lomeli et al. 2019; Mitchell et al. 2022, arXiv 2104.12199).
"""

from math import comb

import numpy as np
import numpy.typing as npt

Members = npt.NDArray[np.bool_]
"""Coalitions, shape [n, players]."""

Rows = npt.NDArray[np.intp]
"""Background rows, or places in an order, by their number."""

Matrix = npt.NDArray[np.float64]


def between(players: int, start: int, stop: int) -> Members:
    """Return the coalitions numbered from ``start`` up to ``stop``; bit j of the number is player j.

    >>> between(2, 0, 4).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    return np.asarray((np.arange(start, stop)[:, None] >> np.arange(players)) & 1, dtype=np.bool_)


def weights(members: Members) -> Matrix:
    """Return how much the worth of each coalition counts in each player's Shapley value, [n, players].

    Summed over all coalitions, worth times weight is the value by its definition.

    >>> weights(between(2, 0, 4)).tolist()
    [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    players = members.shape[1]
    joins = [1 / (players * comb(players - 1, size)) for size in range(players)]
    of_size = members.sum(axis=1)
    with_it = np.array([0.0, *joins])[of_size]
    without = np.array([*joins, 0.0])[of_size]
    return np.asarray(np.where(members, with_it[:, None], -without[:, None]))


def along(orders: Rows) -> Members:
    """Return the coalitions of walks, from one player to all but one, [walks, players − 1, players].

    They lie in memory player by player, as the columns of a batch are made.

    Args:
        orders: the players in the order in which they join, [walks, players].

    >>> along(np.array([[2, 0, 1]])).astype(int).tolist()
    [[[0, 0, 1], [1, 0, 1]]]
    """
    places = np.ascontiguousarray(orders.argsort(axis=1).T, dtype=np.int16)  # small numbers compare faster
    by_player = places[:, :, None] < np.arange(1, orders.shape[1], dtype=np.int16)
    return np.asarray(by_player.transpose(1, 2, 0))


class Dealer:
    """Deals players' orders, each as likely, and background rows from a shuffled deck: each row as often."""

    def __init__(self, players: int, rows: int, rng: np.random.Generator) -> None:
        self._players, self._rows, self._rng = players, rows, rng
        self._deck: Rows = np.empty(0, dtype=np.intp)

    def orders(self, walks: int) -> Rows:
        """Return random orders of the players, [walks, players]."""
        return self._rng.permuted(np.tile(np.arange(self._players), (walks, 1)), axis=1)

    def rows(self, walks: int) -> Rows:
        """Return a row for each walk; none comes again before all others came."""
        while len(self._deck) < walks:
            self._deck = np.concatenate([self._deck, self._rng.permutation(self._rows)])
        dealt, self._deck = self._deck[:walks], self._deck[walks:]
        return dealt
