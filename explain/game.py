"""The game that Shapley values share out: what the model answers when only some features have the row's values."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from explain.coalitions import Members
from explain.columns import Column
from explain.players import Players

Rows = npt.NDArray[np.intp]
"""Background rows by their number."""

Matrix = npt.NDArray[np.float64]

BATCH = 16_384
"""Model rows that are put together at once, so that memory stays bounded."""


class Game:
    """What coalitions of players are worth, each with one background row; counts the model rows it asks."""

    def __init__(self, predict: Callable[[Mapping[str, Column]], Matrix], players: Players) -> None:
        self._predict = predict
        self._players = players
        self.asked = 0
        rows = np.arange(len(players.background))
        self.size = len(players.features)
        self.of_rows = self.worth(np.zeros((len(rows), self.size), dtype=np.bool_), rows)
        """The answers to the background rows."""
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

    def halves(self, members: Members, rows: Rows) -> Matrix:
        """Return half the difference of worth between coalition and complement, for each of its rows [n, k]."""
        found = np.empty(rows.shape)
        step = max(1, BATCH // (2 * rows.shape[1]))
        for at in range(0, len(members), step):
            hands = rows[at : at + step]
            each = np.repeat(members[at : at + step], rows.shape[1], axis=0)
            both = self.worth(np.concatenate([each, ~each]), np.tile(hands.ravel(), 2))
            found[at : at + step] = (both[: len(each)] - both[len(each) :]).reshape(hands.shape) / 2
        return found

    def switched_on(self, rows: Rows) -> Matrix:
        """Return the answers to background rows with one player's value from the row, [rows, players]."""
        alone = np.tile(np.eye(self.size, dtype=np.bool_), (len(rows), 1))
        return self.worth(alone, np.repeat(rows, self.size)).reshape(len(rows), self.size)

    def switched_off(self, rows: Rows) -> Matrix:
        """Return the answers to the row with one player's value from background rows, [rows, players].

        Background rows often have a value in common; each is asked once.
        """
        found = np.empty((len(rows), self.size))
        distinct = [
            np.unique(self._players.background[rows, player], return_index=True, return_inverse=True)
            for player in range(self.size)
        ]
        players = np.repeat(np.arange(self.size), [len(first) for _, first, _ in distinct])
        answers = self.worth(
            ~np.eye(self.size, dtype=np.bool_)[players], rows[np.concatenate([first for _, first, _ in distinct])]
        )
        for player, (_, _, place) in enumerate(distinct):
            found[:, player] = answers[players == player][place]
        return found

    def _mixed(self, members: Members, rows: Rows) -> dict[str, Column]:
        columns = self._players.constant(len(members))
        for index, (feature, table) in enumerate(zip(self._players.features, self._players.tables, strict=True)):
            values = table[self._players.background[:, index].astype(np.intp)][rows]
            values[members[:, index]] = table[int(self._players.row[index])]
            columns[feature.name] = values
        return columns
