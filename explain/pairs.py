"""Shapley values of a game with one background, from pairs of coalitions and their complements, in waves.

With one background there are no rows to tell apart, and all that was asked goes into one regression
(`explain.regression`). Which groups of players matter is not known: several priors are tried, and each counts by how
likely it makes what was asked, so that where they differ the answer is as unsure as they are apart.
"""

import numpy as np

from explain.coalitions import Matrix, Members
from explain.deck import Deck
from explain.game import Game
from explain.prior import PRIORS, Prior, likelihood
from explain.regression import Design, Regression, regression
from explain.solve import Fit, widening
from monitor.errors import InvalidInput

MOST_PAIRS = 400
"""Solving takes the cube of it."""

SEARCHED = 200
"""Up to so many pairs, the priors are weighed anew with each wave."""

TRUSTED = 0.25
"""How much of the likelihood counts. What is left is of groups of five and more, which coalitions share: it tells less
than independent noise would, and the likeliest prior is less certain than it looks (Grünwald and van Ommen 2017)."""

NEGLIGIBLE = 0.03
"""A prior that counts so little beside the one that counts most is left out."""


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
        self._regressions: list[tuple[float, Regression]] = []

    @property
    def coalitions(self) -> int:
        """How many coalitions were asked."""
        return 2 * len(self._members)

    def improve_until(self, tolerance: float) -> None:
        """Ask until the relative error is within ``tolerance``, or as many as the budget and solving allow."""
        total = self._most if not tolerance else self._first
        while True:
            self._ask(total)
            if total >= self._most or self._game.relative_error(self.fit(self._game.output)) <= tolerance:
                return
            total = min(total * 3 // 2, self._most)

    def fit(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the values of one output, or sums of them, and how they vary given what was asked."""
        added = np.eye(self._game.size) if sums is None else sums
        odd = self._known(output)
        fits = [(share, each.fit(odd, added)) for share, each in self._regressions]
        values = np.sum([share * fit.values for share, fit in fits], axis=0)
        variances = np.sum([share * (fit.variances + (fit.values - values) ** 2) for share, fit in fits], axis=0)
        gap = float(self._game.prediction[output] - self._game.usual[output] - values.sum()) / len(values)
        freedom = np.asarray(self._regressions[0][1].freedom)
        return Fit(values + gap, variances * widening(freedom) ** 2)

    def _ask(self, total: int) -> None:
        members = self._deck.deal(total)
        worth = self._game.worth(np.concatenate([members, ~members]), np.zeros(2 * len(members), np.intp))
        self._members = np.concatenate([self._members, members])
        self._odd = np.concatenate([self._odd, (worth[: len(members)] - worth[len(members) :]) / 2])
        design = Design(self._members, self._deck)
        if len(self._members) <= SEARCHED or not self._priors:
            self._priors = _weighed(design, self._known(self._game.output))
        self._regressions = [(share, regression(prior, design)) for share, prior in self._priors]

    def _known(self, output: int) -> Matrix:
        total = self._game.prediction[output] - self._game.usual[output]
        return np.append(self._odd[:, output], total / 2)


def _weighed(design: Design, odd: Matrix) -> list[tuple[float, Prior]]:
    """Return the priors that are likely, and how much each counts."""
    plain = Prior(np.ones(design.players), 0.0)
    values = np.abs(regression(plain, design).values @ odd)
    matter = values / max(float(values.max()), 1e-300)
    priors = [plain]
    priors += [Prior(np.maximum(matter**heredity, 1e-3), strength) for heredity, strength in PRIORS]
    logs = np.array([likelihood(prior, design.signs, design.noise, odd) for prior in priors])
    likely = np.exp(TRUSTED * (logs - logs.max()))
    likely[likely < NEGLIGIBLE] = 0.0
    shares = likely / likely.sum()
    return [(share, prior) for share, prior in zip(shares.tolist(), priors, strict=True) if share]
