"""Which questions a Shapley estimate asks: pairs of coalitions, and the background rows to ask each pair with.

A coalition says which players have the row's own value; the others have a background row's. A pair is a coalition and
its complement: asked together, all interactions of even order cancel, so that nothing is left to chance in a game of
second order (Covert and Lee 2021, arXiv 2012.01536).

The share of each size follows the leverage scores, which are equal in total for all sizes (Musco and Witter 2024,
arXiv 2410.01917); within a size every pair is as likely as the others and none comes twice.
"""

from math import comb

import numpy as np
import numpy.typing as npt

Members = npt.NDArray[np.bool_]
"""Coalitions, shape [n, players]."""

RANKED = 2**62
"""Sizes with more coalitions than this are drawn without a rank; that one comes twice is out of the question."""
LISTED = 2**14
"""Sizes with at most so many pairs are shuffled whole at once."""


class Coalitions:
    """The pairs of sizes 2 to half the players, drawn without replacement, more whenever asked for.

    Pairs of a single player and its complement are not among them: those are always asked.

    >>> pairs = Coalitions(4, np.random.default_rng(0))
    >>> pairs.pool
    3
    >>> pairs.draw(3).astype(int).sum(axis=1)
    array([2, 2, 2])
    """

    def __init__(self, players: int, rng: np.random.Generator) -> None:
        self._players = players
        self._strata = [_Stratum(players, size, rng) for size in range(2, players // 2 + 1)]
        self.pool = sum(stratum.pool for stratum in self._strata)
        self.drawn = 0

    def draw(self, pairs: int) -> Members:
        """Return ``pairs`` new pairs, or all that are left, each by its coalition that is not the larger one."""
        wanted = self._allocation(min(self.drawn + pairs, self.pool))
        new = [stratum.draw(count - stratum.drawn) for stratum, count in zip(self._strata, wanted, strict=True)]
        members = np.concatenate([np.empty((0, self._players), dtype=np.bool_), *new])
        self.drawn += len(members)
        return members

    def weights(self, sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Return the weight in the regression of pairs of these sizes: all of a size stand for the whole size."""
        drawn = np.ones(self._players + 1)
        drawn[1] = 1 if self._players == 2 else self._players
        for stratum in self._strata:
            drawn[stratum.size] = max(stratum.drawn, 1)
        halves = np.where(2 * sizes == self._players, 0.5, 1.0)
        return np.asarray(halves * (self._players - 1) / (sizes * (self._players - sizes)) / drawn[sizes])

    def shares(self, sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        """Return, for pairs of these sizes, what share of all pairs of the size was drawn (1: there is no more)."""
        share = np.ones(self._players + 1)
        for stratum in self._strata:
            share[stratum.size] = stratum.drawn / stratum.pool
        return np.asarray(share[sizes])

    def _allocation(self, pairs: int) -> list[int]:
        """Divide ``pairs`` in all among the sizes: the same number each, but all where a size has fewer.

        The middle size of an even number of players counts half, for its coalitions are each other's complements. No
        size gets fewer than it already has.
        """
        pools = np.array([float(stratum.pool) for stratum in self._strata])
        have = np.array([float(stratum.drawn) for stratum in self._strata])
        parts = np.array([0.5 if 2 * stratum.size == self._players else 1.0 for stratum in self._strata])
        low, high = 0.0, 2.0 * pairs
        for _ in range(60):
            level = (low + high) / 2
            if np.maximum(have, np.floor(np.minimum(pools, level * parts))).sum() <= pairs:
                low = level
            else:
                high = level
        counts = np.maximum(have, np.floor(np.minimum(pools, low * parts)))
        for _ in range(pairs - int(counts.sum())):  # at most one for each size
            counts[np.where(counts < pools, counts / parts, np.inf).argmin()] += 1
        return [int(count) for count in counts]


class _Stratum:
    """The pairs of one size."""

    def __init__(self, players: int, size: int, rng: np.random.Generator) -> None:
        self.size = size
        self.pool = comb(players, size) // (2 if 2 * size == players else 1)
        self.drawn = 0
        self._players = players
        self._rng = rng
        self._ranks = np.empty(0, dtype=np.int64)

    def draw(self, count: int) -> Members:
        """Return ``count`` pairs that have not been drawn before."""
        if self.pool > RANKED:
            self.drawn += count
            order = self._rng.random((count, self._players)).argpartition(self.size - 1, axis=1)
            members = np.zeros((count, self._players), dtype=np.bool_)
            np.put_along_axis(members, order[:, : self.size], True, axis=1)
            return members
        self._prepare(self.drawn + count)
        ranks = self._ranks[self.drawn : self.drawn + count]
        self.drawn += count
        return unrank(ranks, self._players, self.size)

    def _prepare(self, count: int) -> None:
        """Bring the list of distinct ranks, in random order, to at least ``count``."""
        if len(self._ranks) < count and self.pool <= max(LISTED, 4 * count):
            rest = np.setdiff1d(np.arange(self.pool), self._ranks, assume_unique=True)
            self._ranks = np.concatenate([self._ranks, self._rng.permutation(rest)])
        while len(self._ranks) < count:
            more = self._rng.integers(self.pool, size=2 * (count - len(self._ranks)))
            seen = np.concatenate([self._ranks, more])
            self._ranks = seen[np.sort(np.unique(seen, return_index=True)[1])]


def unrank(ranks: npt.NDArray[np.int64], players: int, size: int) -> Members:
    """Return the coalitions of ``size`` by their place in the order in which player 0's come first, and so on.

    The first half of the middle size therefore holds one of each pair.

    >>> unrank(np.arange(3), 3, 2).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    rest, left = ranks.copy(), np.full(len(ranks), size)
    members = np.zeros((len(ranks), players), dtype=np.bool_)
    for player in range(players):
        others = players - 1 - player
        # How many coalitions go on with this player, by the number of players yet to choose.
        going_on = np.array([0] + [min(comb(others, count - 1), RANKED) for count in range(1, size + 1)])[left]
        chosen = rest < going_on
        members[:, player] = chosen
        rest -= np.where(chosen, 0, going_on)
        left -= chosen
    return members


class Dealer:
    """Deals background rows to pairs as from a shuffled deck: all rows equally often, none twice to one pair."""

    def __init__(self, rows: int, each: int, rng: np.random.Generator) -> None:
        self._rows = rows
        self._each = min(each, rows)
        self._rng = rng
        self._decks = np.empty((0, rows), dtype=np.intp)
        self._starts = np.empty(0, dtype=np.intp)

    def deal(self, pairs: int) -> npt.NDArray[np.intp]:
        """Return the first rows of ``pairs`` new pairs, shape [pairs, each]."""
        hands = self._rows // self._each
        fresh = [self._rng.permutation(self._rows) for _ in range(-(-pairs // hands))]
        decks = np.repeat(np.array(fresh, dtype=np.intp).reshape(-1, self._rows), hands, axis=0)[:pairs]
        starts = (np.arange(pairs) % hands) * self._each
        self._decks, self._starts = np.concatenate([self._decks, decks]), np.concatenate([self._starts, starts])
        return self._take(decks, starts, 0, self._each)

    def more(self, dealt: int, until: int) -> npt.NDArray[np.intp]:
        """Return further rows for every pair: of those it is to have, number ``dealt`` to ``until``."""
        return self._take(self._decks, self._starts, dealt, until)

    def _take(
        self, decks: npt.NDArray[np.intp], starts: npt.NDArray[np.intp], low: int, high: int
    ) -> npt.NDArray[np.intp]:
        places = (starts[:, None] + np.arange(low, high)) % self._rows
        return np.take_along_axis(decks, places, axis=1)
