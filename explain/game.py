"""The game that Shapley values share out: what the model answers when only some players have the row's values."""

import numpy as np

from explain.asking import Asking
from explain.coalitions import Matrix, Members, Rows, between, weights
from explain.explainers import Predict
from explain.players import Players
from explain.solve import Fit
from monitor.errors import InvalidInput

LARGEST, SMALLEST = 1e150, 1e-150
"""Numbers further from one than these have squares that floating numbers cannot hold."""


class Game:
    """What coalitions of players are worth, each with one background row; counts the model rows it asks.

    ``of_rows`` are the answers to the background rows and ``usual`` is their mean: the worth of no players.
    ``prediction`` is the answer to the row itself: the worth of all players. All have one number per output, in their
    last dimension; ``output`` is the place of the explained one, 0 of a model with one output.
    """

    def __init__(self, predict: Predict, players: Players) -> None:
        """Ask for the ends of the game.

        Args:
            predict: the model.
            players: the row and its background.
        """
        self._predict = predict
        self._players = players
        self.asked = 0
        self.size = players.size
        ends = np.zeros((players.rows + 1, self.size), dtype=np.bool_)
        ends[-1] = True
        found = self.worth(ends, np.arange(players.rows + 1) % players.rows)
        self.of_rows, self.prediction = found[:-1], found[-1]
        self.usual: Matrix = self.of_rows.mean(axis=0)
        self.output = 0
        if isinstance(predict, Asking) and len(self.usual) > 1:
            self.output = predict.place(len(self.usual))

    def worth(self, members: Members, rows: Rows) -> Matrix:
        """Return the answers to the row with a background row's values where a player is no member, [n, outputs]."""
        self.asked += len(members)
        step = self._players.batch
        parts = [self._answers(members[at : at + step], rows[at : at + step]) for at in range(0, len(members), step)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.usual)))

    @property
    def all_rows(self) -> int:
        """How many model rows all coalitions over the whole background are, but for those already asked."""
        return (int(2**self.size) - 2) * len(self.of_rows)

    def exact(self) -> Matrix:
        """Return the Shapley values, [players, outputs], by asking every coalition with every background row."""
        count = len(self.of_rows)
        last = 2**self.size - 1
        ends = weights(np.array([[False] * self.size, [True] * self.size]))
        values = ends.T @ np.stack([np.zeros_like(self.usual), self.prediction - self.usual])
        step = max(1, self._players.batch // count)
        for at in range(1, last, step):
            members = between(self.size, at, min(at + step, last))
            worth = self.worth(np.repeat(members, count, axis=0), np.tile(np.arange(count), len(members)))
            beyond = worth.reshape(len(members), count, -1).mean(axis=1) - self.usual  # a large offset would round
            values += weights(members).T @ beyond
        return np.asarray(values + (self.prediction - self.usual - values.sum(axis=0)) / self.size)

    def relative_error(self, fit: Fit) -> float:
        """Return the length of the standard errors as a share of the length of the values; rounding errors are none."""
        floor = 64 * self._rounding
        error, length = float(np.sqrt(fit.variances.sum())), float(np.sqrt((fit.values**2).sum()))
        return 0.0 if error <= floor else error / max(length, floor)  # what overflowed is no number, and not certain

    def no_surer_than_rounding(self, fit: Fit) -> Fit:
        """Return an estimate with standard errors of at least what answers round to, unless nothing differed at all.

        Raises:
            InvalidInput: its numbers are too small to be squared.
        """
        largest = max(self._largest, float(np.abs(fit.values).max()))
        if 0 < largest < SMALLEST:
            raise InvalidInput(
                f"no answer of the model is further from 0 than {largest:g}; below {SMALLEST:g} nobody can tell how "
                "sure an explanation is. Have the model answer with logarithms, or raise rows for an exact one"
            )
        return Fit(fit.values, np.maximum(fit.variances, self._rounding**2)) if np.any(fit.variances) else fit

    @property
    def _largest(self) -> float:
        at = self.output
        return float(np.abs(self.of_rows[:, at]).max() + abs(self.prediction[at]))

    @property
    def _rounding(self) -> float:
        return 4 * float(np.finfo(np.float64).eps) * self._largest

    def _answers(self, members: Members, rows: Rows) -> Matrix:
        columns = self._players.mixed(members, rows)
        found = self._predict.outputs(columns) if isinstance(self._predict, Asking) else self._predict(columns)
        answers = np.asarray(found, dtype=np.float64).reshape(len(members), -1)  # sums in float32 would be coarse
        return numbers(answers)


def numbers(answers: Matrix) -> Matrix:
    """Return a model's answers, [n, outputs].

    Raises:
        InvalidInput: they are no numbers, or too large to be squared.
    """
    held = np.abs(answers) <= LARGEST
    if not held.all():
        told = ", ".join(dict.fromkeys(f"{value:g}" for value in answers[~held][:3].tolist()))
        raise InvalidInput(
            f"the model answered {told} to {(~held).any(axis=1).sum():,} of {len(answers):,} rows put together from "
            f"the explained row and its background; numbers within ±{LARGEST:g} are needed. Have it answer them with "
            "such numbers, or with logarithms; or take a background closer to the row"
        )
    return answers
