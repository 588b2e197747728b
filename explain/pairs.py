"""Shapley values of a game with one background, from pairs of coalitions and their complements, in waves.

With one background there are no rows to tell apart, and all that was asked goes into one regression
(`explain.regression`). Which groups of players matter is not known: several priors are tried, and each counts by how
likely it makes what was asked, so that where they differ the answer is as unsure as they are apart.
"""

import numpy as np

from explain.coalitions import Matrix, Members
from explain.deck import Deck
from explain.game import Game
from explain.mixture import Mixture, mixture, weighed
from explain.prior import Prior
from explain.regression import Design
from explain.solve import Fit, widening
from explain.thirds import LEAST, moved
from monitor.errors import InvalidInput

MOST_PAIRS = 400
"""Solving takes the cube of it."""

SEARCHED = 200
"""Up to so many pairs, the priors are weighed anew with each wave, and with each two thirds of it."""


class Pairs:
    """The coalitions asked so far, and what follows from them."""

    background_rows = 1

    def __init__(self, game: Game, budget: int, rng: np.random.Generator) -> None:
        """Take the game; nothing is asked yet.

        Args:
            game: it, with one background row.
            budget: how many model rows may be asked, with those the game already asked.
            rng: chooses the coalitions.

        Raises:
            InvalidInput: the budget is too small for a regression on so many players.
        """
        least = game.size + game.size // 2 + 4
        room = (budget - game.asked) // 2
        if room < least:
            raise InvalidInput(
                f"{game.size} features need at least {game.asked + 2 * least:,} model rows, and rows is {budget:,}; "
                "raise it"
            )
        self._game, self._deck = game, Deck(game.size, rng)
        self._most = min(room, MOST_PAIRS)
        self._first = min(self._most, max(3 * game.size, 48))
        self._members: Members = np.empty((0, game.size), np.bool_)
        self._odd = np.empty((0, len(game.usual)))
        self._priors: list[tuple[float, Prior]] = []
        self._mixture = Mixture([])
        self._moved: float | None = None

    @property
    def coalitions(self) -> int:
        """How many coalitions were asked."""
        return 2 * len(self._members)

    def improve_until(self, tolerance: float) -> None:
        """Ask until the relative error is within ``tolerance``, or as many as the budget and solving allow."""
        total = self._most if not tolerance else self._first
        while True:
            self._ask(total)
            if total >= self._most or self._reached(tolerance):
                return
            total = min(total * 3 // 2, self._most)

    def fit(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the values of one output, or sums of them, and how they vary given what was asked."""
        if self._moved is None:
            told = self._mixture.fit(self._known(self._game.output), np.eye(self._game.size))
            known = None if self._anew else self._priors
            self._moved = moved(self._members, self._deck, self._known(self._game.output), told, known)
        fit = self._told(output, sums)
        return Fit(fit.values, fit.variances * self._moved)

    def _reached(self, tolerance: float) -> bool:
        # To try what it moves by costs as much as the estimate, and is left where that could not be enough.
        told, error = self._told(self._game.output), self._game.relative_error
        if error(Fit(told.values, told.variances * LEAST)) > tolerance:
            return False
        return error(self.fit(self._game.output)) <= tolerance

    def _told(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the same by its own account alone."""
        added = np.eye(self._game.size) if sums is None else sums
        fit = self._mixture.fit(self._known(output), added)
        gap = float(self._game.prediction[output] - self._game.usual[output] - fit.values.sum()) / len(fit.values)
        wider = widening(np.asarray(self._mixture.freedom))
        return Fit(fit.values + gap, fit.variances * wider**2)

    @property
    def _anew(self) -> bool:
        """Whether the priors are weighed with this wave."""
        return len(self._members) <= SEARCHED

    def _ask(self, total: int) -> None:
        members = self._deck.deal(total)
        worth = self._game.worth(np.concatenate([members, ~members]), np.zeros(2 * len(members), np.intp))
        self._members = np.concatenate([self._members, members])
        self._odd = np.concatenate([self._odd, (worth[: len(members)] - worth[len(members) :]) / 2])
        design = Design(self._members, self._deck)
        if self._anew or not self._priors:
            self._priors = weighed(design, self._known(self._game.output))
        self._mixture, self._moved = mixture(self._priors, design), None

    def _known(self, output: int) -> Matrix:
        total = self._game.prediction[output] - self._game.usual[output]
        return np.append(self._odd[:, output], total / 2)
