"""Shapley values with standard errors, by an estimator of our own that spends model rows well.

The game is that of a plain SHAP explanation: players are the original columns, and a feature that is "absent" takes the
values of the background rows. First every background row is asked with one feature switched to the row's value, and
the row with one feature switched to the background's. The mean of both effects is the Shapley value as far as features
interact in twos, for every background row. Then pairs of coalitions are asked with a few background rows each; the
first answers predict what is due to the choice of those rows, and are subtracted (a control variate: without it, few
rows per coalition are worse than all of them). More pairs are asked, in waves, until the standard errors are within
the tolerance or the rows are used up. Where the budget has room for all coalitions over the whole background, they are
asked, and the answer is exact.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.coalitions import Coalitions, Dealer, Members
from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.game import Game, Matrix, Rows
from explain.players import make_players
from explain.solve import Fit, solve, variances
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Scalar

HAND = 4
"""Background rows per pair, until all pairs were asked."""
FIRST_PAIRS = 64
"""Pairs in the first wave: enough to judge the standard errors by."""


class Shapley(Explainer):
    """Shapley values by paired coalitions, with standard errors and a rule when to stop."""

    name = "shapley"
    title = "Shapley, with an error bar"
    additive = True
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(100_000, 200, 5_000_000, "model rows that may be asked", probes=20_000),
        "tolerance": Setting(20, 0, 1_000, "‰ of the attributions that the standard errors may be; 0: use all rows"),
    }

    def explain(
        self,
        predict: Predict,
        row: Mapping[str, Column],
        background: Mapping[str, Column],
        schema: ModelSchema,
        *,
        seed: int,
        **settings: int,
    ) -> Attribution:
        """Explain one row; see :class:`Explainer`."""
        chosen = resolve(type(self), settings)
        players = make_players(row, background, schema)
        if not players.features:
            alone = float(predict(row)[0])
            nothing = players.attributions(np.empty(0), schema)
            return Attribution(alone, alone, nothing, {"rows_used": 1, "exact": True, "reached": True}, nothing)
        game = Game(predict, players)
        found = _Estimate(game, chosen["rows"], np.random.default_rng(seed))
        tolerance = chosen["tolerance"] / 1_000
        found.improve_until(tolerance)
        fit, errors = found.fit, np.sqrt(found.variances)
        quality: dict[str, Scalar] = {
            "additivity_gap": abs(game.usual + float(fit.values.sum()) - game.prediction),
            "rows_used": game.asked,
            "coalitions": found.coalitions,
            "exact": found.exact,
            "tolerance": tolerance,
            "relative_error": found.relative_error,
            "reached": found.relative_error <= tolerance,
            "background_rows": len(found.usual_rows),
            "held": ", ".join(players.unplayable) or None,
        }
        return Attribution(
            base_value=game.usual,
            prediction=game.prediction,
            attributions=players.attributions(fit.values, schema),
            quality=quality,
            standard_errors=players.attributions(errors, schema),
        )


class _Estimate:
    """The answers so far, and what follows from them."""

    def __init__(self, game: Game, budget: int, rng: np.random.Generator) -> None:
        self._game, self._budget, self._rng = game, budget, rng
        size, count = game.size, len(game.of_rows)
        self._pairs = Coalitions(size, rng)
        room, pairs = budget - game.asked, 2 * HAND * min(self._pairs.pool, size)
        if room < 4 * size + pairs:
            raise InvalidInput(
                f"{size} features and {count:,} background rows need at least {game.asked + 4 * size + pairs:,} model "
                f"rows, and rows is {budget:,}; raise it, or take fewer background rows"
            )
        # Two thirds of a small budget: measured on networks and boosted trees, leaving out background rows costs most.
        self.usual_rows = self._spread(max(2, min(count, room // (3 * size), (room - pairs) // (2 * size))))
        on, off = game.switched_on(self.usual_rows), game.switched_off(self.usual_rows)
        effects = (on - game.of_rows[self.usual_rows, None] + game.prediction - off) / 2
        self._single = (on - off).mean(axis=0) / 2
        self._deviations = effects - effects.mean(axis=0)
        self._dealer = Dealer(len(self.usual_rows), HAND, rng)
        self._members: Members = np.empty((0, size), dtype=np.bool_)
        self._halves = np.empty((0, min(HAND, len(self.usual_rows))))
        self._controls = self._halves
        self._solve()

    @property
    def exact(self) -> bool:
        """Whether every coalition was asked with every background row."""
        everything = len(self._members) == self._pairs.pool and len(self.usual_rows) == len(self._game.of_rows)
        return everything and (self._halves.shape[1] == len(self.usual_rows) or not self._pairs.pool)

    @property
    def coalitions(self) -> int:
        """How many different coalitions were asked, but for the empty and the full one."""
        singles = self._game.size if self._game.size != 2 else 1
        return 2 * (singles + len(self._members)) if self._game.size > 1 else 0

    def improve_until(self, tolerance: float) -> None:
        """Ask more until the relative error is within ``tolerance``, the answer exact or the budget used up."""
        everything = 2 * len(self.usual_rows) * self._pairs.pool <= self._budget - self._game.asked
        wave = self._pairs.pool if everything or not tolerance else max(FIRST_PAIRS, 3 * self._game.size)
        while not self.exact:
            fresh = len(self._members) < self._pairs.pool
            if not (self._more_pairs(wave) if fresh else self._more_rows(everything or not tolerance)):
                break
            if everything and not self.exact:
                continue
            self._solve()
            if self.relative_error <= tolerance:
                break
            wave = max(wave, len(self._members))

    def _more_pairs(self, pairs: int) -> bool:
        """Ask up to so many new pairs with a hand of background rows each; return whether there was room for any."""
        room = (self._budget - self._game.asked) // (2 * self._halves.shape[1])
        members = self._pairs.draw(min(pairs, room))
        halves, controls = self._ask(members, self._dealer.deal(len(members)))
        self._members = np.concatenate([self._members, members])
        self._halves = np.concatenate([self._halves, halves])
        self._controls = np.concatenate([self._controls, controls])
        return len(members) > 0

    def _more_rows(self, all_at_once: bool) -> bool:
        """Ask all pairs with more background rows, twice as many as before; return whether there was room for any."""
        dealt, count = self._halves.shape[1], len(self.usual_rows)
        room = (self._budget - self._game.asked) // (2 * len(self._members)) if len(self._members) else 0
        more = min(room, count - dealt, count if all_at_once else dealt)
        if more <= 0:
            return False
        halves, controls = self._ask(self._members, self._dealer.more(dealt, dealt + more))
        self._halves = np.hstack([self._halves, halves])
        self._controls = np.hstack([self._controls, controls])
        return True

    def _ask(self, members: Members, hands: Rows) -> tuple[Matrix, Matrix]:
        """Return what pairs say with each of their background rows, and what the control says of it, [n, k]."""
        signs = np.where(members, 0.5, -0.5)
        controls = [np.einsum("nj,nj->n", signs, self._deviations[hand]) for hand in hands.T]
        return self._game.halves(members, self.usual_rows[hands]), np.stack(controls, axis=1)

    def _solve(self) -> None:
        """Fit the values to what was asked, and judge how sure they are."""
        size, count = self._game.size, len(self.usual_rows)
        members = np.concatenate([np.eye(size, dtype=np.bool_), self._members])
        sizes = members.sum(axis=1)
        self.fit: Fit = solve(
            members,
            np.concatenate([self._single, self._halves.mean(axis=1)]),
            self._pairs.weights(sizes) if size > 1 else np.ones(1),
            self._game.prediction - self._game.usual,
            np.concatenate([np.zeros(size), self._controls.mean(axis=1)]),
        )
        dealt = self._halves.shape[1]
        noise = np.zeros(len(members))
        if 1 < dealt < count:
            rest = self._halves - self.fit.slope * self._controls
            noise[size:] = rest.var(axis=1, ddof=1) / dealt * (1 - dealt / count)
        self.variances = variances(self.fit, sizes, self._pairs.shares(sizes), noise) + self._thinning()
        # Below rounding errors of the answers nothing can be told apart.
        floor = 1e-12 * float(np.abs(self._game.of_rows).max() + abs(self._game.prediction))
        error, length = float(np.sqrt(self.variances.sum())), float(np.sqrt((self.fit.values**2).sum()))
        self.relative_error = error / max(length, floor) if error > floor else 0.0

    def _thinning(self) -> Matrix:
        """Return the variances due to background rows left out."""
        used, count = len(self.usual_rows), len(self._game.of_rows)
        if used == count:
            return np.zeros(self._game.size)
        apart = self._deviations - self._deviations.mean(axis=1, keepdims=True)
        return np.asarray((apart**2).sum(axis=0) / (used - 1) / used * (1 - used / count))

    def _spread(self, keep: int) -> Rows:
        """Return ``keep`` of the background rows, evenly spaced by their answers; all where that is their number."""
        order = np.argsort(self._game.of_rows, kind="stable")
        if keep >= len(order):
            return order
        start = self._rng.random()
        return order[((np.arange(keep) + start) * len(order) / keep).astype(np.intp)]
