"""A deck of coalitions, dealt from every size alike and none twice.

Coalitions are asked together with their complements, so a deck holds one of each two: the coalitions of up to half of
the players. As many are dealt of every size, as Leverage SHAP does (Musco and Witter 2024, arXiv 2410.01917).
"""

from math import comb

import numpy as np
import numpy.typing as npt

from explain.coalitions import Members


class Deck:
    """Coalitions of up to half of the players, from each size as many, none twice."""

    def __init__(self, players: int, rng: np.random.Generator) -> None:
        self._players, self._rng = players, rng
        self.sizes = np.arange(1, players // 2 + 1)
        # Of the coalitions of half of the players, the complements are such themselves: those with player 0 are dealt.
        self._half = self.sizes * 2 == players
        self.there = np.array([comb(players, size) for size in self.sizes.tolist()], dtype=np.float64)
        self.there[self._half] /= 2
        self.dealt = np.zeros(len(self.sizes), dtype=np.intp)
        self._seen: set[bytes] = set()

    def deal(self, total: int) -> Members:
        """Return new coalitions, so that ``total`` were dealt in all; [n, players]."""
        wanted = np.maximum(self._shares(total), self.dealt)
        # Shares are rounded, so that a size may have had one more of a smaller total: the largest sizes wait for it.
        for _ in range(int(wanted.sum()) - total):
            wanted[np.flatnonzero(wanted > self.dealt)[-1]] -= 1
        dealt = [self._of_size(at, int(count)) for at, count in enumerate(wanted - self.dealt) if count > 0]
        self.dealt = wanted
        return np.concatenate([np.empty((0, self._players), np.bool_), *dealt])

    def _shares(self, total: int) -> npt.NDArray[np.intp]:
        """Return how many of each size: the same for all, but for sizes that have fewer; whole numbers."""
        weight = np.where(self._half, 0.5, 1.0)
        level = total / weight.sum()
        for _ in self.sizes:  # what full sizes leave goes to the others
            full = level * weight >= self.there
            if full.all():
                break
            level = (total - self.there[full].sum()) / weight[~full].sum()
        share = np.minimum(level * weight, self.there)
        return np.diff(np.floor(np.concatenate([[0], share.cumsum()]) + 0.5)).astype(np.intp).clip(max=self.there)

    def _of_size(self, at: int, count: int) -> Members:
        size = int(self.sizes[at])
        found: list[Members] = []
        while len(found) < count:
            chosen = self._rng.random((max(16, 2 * count), self._players)).argsort(axis=1) < size
            if self._half[at]:
                chosen = np.where(chosen[:, :1], chosen, ~chosen)
            for coalition in chosen:
                key = coalition.tobytes()
                if key not in self._seen and len(found) < count:
                    self._seen.add(key)
                    found.append(coalition)
        return np.array(found)
