"""The game that Shapley values share out: what the model answers when only some features have the row's values."""

from collections.abc import Callable, Mapping

import numpy as np

from explain.coalitions import Matrix, Members, Rows, between, weights
from explain.columns import Column
from explain.players import Players

BATCH = 4_096
"""Model rows that are put together at once: memory stays bounded, and a small network's layers in the cache."""


class Game:
    """What coalitions of players are worth, each with one background row; counts the model rows it asks.

    ``of_rows`` are the answers to the background rows and ``usual`` is their mean: the worth of no players.
    ``prediction`` is the answer to the row itself: the worth of all players.
    """

    def __init__(self, predict: Callable[[Mapping[str, Column]], Matrix], players: Players) -> None:
        self._predict = predict
        self._players = players
        codes = players.background.astype(np.intp)
        self._own = [table[int(code)] for table, code in zip(players.tables, players.row, strict=True)]
        self._others = [table[codes[:, index]] for index, table in enumerate(players.tables)]
        self.asked = 0
        self.size = len(players.features)
        rows = np.arange(len(codes))
        self.of_rows = self.worth(np.zeros((len(rows), self.size), dtype=np.bool_), rows)
        self.usual = float(self.of_rows.mean())
        self.prediction = float(self.worth(np.ones((1, self.size), dtype=np.bool_), rows[:1])[0])

    def worth(self, members: Members, rows: Rows) -> Matrix:
        """Return the answers to the row with the values of a background row where a player is no member, [n]."""
        self.asked += len(members)
        parts = [
            self._predict(self._mixed(members[at : at + BATCH], rows[at : at + BATCH]))
            for at in range(0, len(members), BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    @property
    def all_rows(self) -> int:
        """How many model rows all coalitions over the whole background are, but for those already asked."""
        return (int(2**self.size) - 2) * len(self.of_rows)

    def exact(self) -> Matrix:
        """Return the Shapley values, [players], by asking every coalition with every background row."""
        count = len(self.of_rows)
        last = 2**self.size - 1
        ends = weights(np.array([[False] * self.size, [True] * self.size]))
        values = np.array([self.usual, self.prediction]) @ ends
        step = max(1, BATCH // count)
        for at in range(1, last, step):
            members = between(self.size, at, min(at + step, last))
            worth = self.worth(np.repeat(members, count, axis=0), np.tile(np.arange(count), len(members)))
            values += worth.reshape(-1, count).mean(axis=1) @ weights(members)
        return np.asarray(values + (self.prediction - self.usual - values.sum()) / self.size)

    def _mixed(self, members: Members, rows: Rows) -> dict[str, Column]:
        columns = self._players.constant(len(members))
        by_player = np.ascontiguousarray(members.T)
        for index, feature in enumerate(self._players.features):
            values = self._others[index][rows]
            values[by_player[index]] = self._own[index]
            columns[feature.name] = values
        return columns
