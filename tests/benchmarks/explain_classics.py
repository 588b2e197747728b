"""Games of the textbooks whose Shapley values have a formula: weighted voting, airport, sums of unanimity games.

Players are inputs that are 1 in the explained row and 0 in the only background row, so that a model is a game: it gets
who takes part, and answers what they are worth.
"""

from collections.abc import Callable
from math import comb

import numpy as np

from tests.benchmarks.explain_models import Matrix

Known = tuple[Callable[[Matrix], Matrix], Matrix, Matrix, Matrix]
"""A model, its row, its background, and the Shapley values."""


def voting(case: int, players: int = 15) -> Known:
    """Parties of 1 to 20 seats each, of which more than half decide; by counting coalitions seat by seat.

    It jumps, and groups of every size matter: the hardest of the three. (Shapley and Shubik 1954; Mann and Shapley
    1962.)
    """
    seats = np.random.default_rng(case).integers(1, 21, players)
    quota = int(seats.sum()) // 2 + 1
    exact = np.zeros(players)
    for player, own in enumerate(seats.tolist()):
        ways = np.zeros((players, quota))  # coalitions of the others, by how many they are and their seats
        ways[0, 0] = 1
        for other in np.delete(seats, player).tolist():
            ways[1:, other:] += ways[:-1, : quota - other]  # the right side is made before it is added
        pivotal = ways[:, max(quota - own, 0) :].sum(axis=1)
        exact[player] = sum(count / (players * comb(players - 1, size)) for size, count in enumerate(pivotal.tolist()))

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(matrix @ seats >= quota, dtype=np.float64)

    return function, np.ones(players), np.zeros((1, players)), exact


def airport(case: int, players: int = 30) -> Known:
    """The longest runway that any plane needs is paid for by all: each part by those who need it.

    (Littlechild and Owen 1973.)
    """
    costs = np.random.default_rng(case).exponential(size=players)
    order = costs.argsort()
    exact = np.zeros(players)
    exact[order] = np.cumsum(np.diff(costs[order], prepend=0) / np.arange(players, 0, -1))

    def function(matrix: Matrix) -> Matrix:
        return np.asarray((matrix * costs).max(axis=1))

    return function, np.ones(players), np.zeros((1, players)), exact


def unanimity(case: int, players: int = 30) -> Known:
    """Twice as many groups as players, of one to six: each is worth something if all of it is there, shared equally."""
    rng = np.random.default_rng(case)
    groups = [(rng.choice(players, rng.integers(1, 7), replace=False), rng.normal()) for _ in range(2 * players)]
    exact = np.zeros(players)
    for group, worth in groups:
        exact[group] += worth / len(group)

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(sum(worth * matrix[:, group].prod(axis=1) for group, worth in groups))

    return function, np.ones(players), np.zeros((1, players)), exact
