"""How much two players do together beyond what each does alone: the Shapley interaction index.

Of players i and j it is the mean, over the coalitions S of the others as the Shapley value weighs them, of
``v(S+i+j) − v(S+i) − v(S+j) + v(S)`` (Grabisch and Roubens 1999). From the worth of all coalitions it is exact. Else
every pair is asked about random coalitions: of sizes spread evenly, with one background row each, and together with the
coalition of all the other players, so that what three players do together cancels. Their means have standard errors.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from explain.coalitions import Dealer, Matrix, Members, Rows, between, weights
from explain.game import Game
from explain.solve import NORMAL, widening
from monitor.errors import InvalidInput
from monitor.types import Explanation

METHOD = "interactions"
"""The method whose explanations have pairs."""

LEAST_DRAWS = 4
"""Fewer draws of a pair say too little about how sure they are."""

ASKED = 8
"""Model rows of one draw: a coalition and its complement, each with neither, one, the other and both."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What every two players do together, [M, M], symmetric with zeros on the diagonal; and standard errors of it."""

    together: Matrix
    errors: Matrix
    draws: int


def exact(game: Game, batch: int) -> tuple[Matrix, Pairs]:
    """Return the Shapley values [M] and all interactions, by asking every coalition with every background row.

    Args:
        game: it.
        batch: how many rows are put together at once.
    """
    size, count = game.size, len(game.of_rows)
    values, together = np.zeros(size), np.zeros((size, size))
    last = 2**size - 1
    step = max(1, batch // count)
    for at in range(0, last + 1, step):
        members = between(size, at, min(at + step, last + 1))
        worth = game.worth(np.repeat(members, count, axis=0), np.tile(np.arange(count), len(members)))
        mean = worth[:, game.output].reshape(len(members), count).mean(axis=1)
        values += weights(members).T @ mean
        together += crossed(members, mean)
    return values, Pairs(_hollow(together), np.zeros((size, size)), 0)


def crossed(members: Members, worth: Matrix) -> Matrix:
    """Return what coalitions [n, M] of this worth [n] add to the interactions of all pairs; the diagonal means nothing.

    >>> float(crossed(between(2, 0, 4), np.array([0.0, 1.0, 2.0, 7.0]))[0, 1])
    4.0
    """
    players = members.shape[1]
    joins = np.array([1 / ((players - 1) * comb(players - 2, size)) for size in range(players - 1)])
    nothing = np.zeros(2)
    of_size = members.sum(axis=1)
    both, one, none = (
        worth * np.concatenate([nothing[:before], joins, nothing[before:]])[of_size] for before in (2, 1, 0)
    )
    there = members.astype(np.float64)
    absent = 1 - there
    mixed = (there * one[:, None]).T @ absent
    return np.asarray((there * both[:, None]).T @ there - mixed - mixed.T + (absent * none[:, None]).T @ absent)


def sampled(game: Game, budget: int, rng: np.random.Generator) -> Pairs:
    """Return estimates of all interactions.

    Args:
        game: it.
        budget: how many more model rows may be asked.
        rng: every draw is from it.

    Raises:
        InvalidInput: the budget is too small for so many pairs.
    """
    size = game.size
    first, second = np.triu_indices(size, 1)
    pairs = len(first)
    draws = budget // (ASKED * pairs)
    if draws < LEAST_DRAWS:
        raise InvalidInput(
            f"{size} players make {pairs:,} pairs, which need at least {LEAST_DRAWS * ASKED * pairs:,} model rows for "
            f"interactions, and {max(budget, 0):,} are left for them; raise rows, or group columns"
        )
    dealer = Dealer(len(game.of_rows), len(game.of_rows), rng)
    found = np.empty((pairs, draws))
    # The sizes of a pair's coalitions are one in each of `draws` equal stretches.
    sizes = ((np.arange(draws) + rng.random((pairs, draws))) / draws * (size - 1)).astype(np.intp)
    for draw in range(draws):
        order = rng.random((pairs, size))
        order[np.arange(pairs), first] = order[np.arange(pairs), second] = 2.0  # the two themselves come last
        there = order.argsort(axis=1).argsort(axis=1) < sizes[:, draw, None]
        others = ~there
        others[np.arange(pairs), first] = others[np.arange(pairs), second] = False
        rows = dealer.rows(pairs)
        found[:, draw] = (_delta(game, there, first, second, rows) + _delta(game, others, first, second, rows)) / 2
    together, errors = np.zeros((size, size)), np.zeros((size, size))
    together[first, second] = found.mean(axis=1)
    errors[first, second] = widening(np.asarray(draws - 1)) * found.std(axis=1, ddof=1) / np.sqrt(draws)
    return Pairs(together + together.T, errors + errors.T, draws)


def _delta(game: Game, members: Members, first: Rows, second: Rows, rows: Rows) -> Matrix:
    """Return what each pair does together beside its coalition, [pairs]."""
    at = np.arange(len(members))
    one, other = members.copy(), members.copy()
    one[at, first] = other[at, second] = True
    both = one | other
    worth = game.worth(np.concatenate([both, one, other, members]), np.tile(rows, 4))[:, game.output]
    of_both, of_one, of_other, of_none = worth.reshape(4, len(members))
    return np.asarray(of_both - of_one - of_other + of_none)


def _hollow(square: Matrix) -> Matrix:
    np.fill_diagonal(square, 0.0)
    return square


@dataclass(frozen=True, slots=True)
class Pair:
    """What two inputs of one row do together beyond what each does alone, and how sure that is."""

    labels: tuple[str, str]
    amount: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval that holds the amount in 95 of 100 samples."""
        return self.amount - NORMAL * self.error, self.amount + NORMAL * self.error


def strongest(found: Explanation, most: int = 8) -> list[Pair]:
    """Return the pairs of an explanation by interactions that do most; none of another method's."""
    if found.method != METHOD:
        return []
    names = {part.place[0]: part.label for part in found.parts if len(part.place) == 1}
    pairs = [
        Pair((names[part.place[0]], names[part.place[1]]), 2 * part.amount, 2 * (part.error or 0.0))
        for part in found.parts
        if len(part.place) == 2 and part.place[0] < part.place[1]
    ]
    return sorted(pairs, key=lambda pair: (-abs(pair.amount), pair.labels))[:most]
