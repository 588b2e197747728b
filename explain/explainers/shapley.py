"""Shapley values with standard errors, by an estimator of our own that spends model rows well.

The game is that of a plain SHAP explanation: players are the original columns, and a feature that is "absent" takes the
values of the background rows. Where the budget has room for all coalitions over the whole background, they are asked,
and the answer is exact. Else every background row is a game of its own, and gets a walk of its own: features switch to
the row's values one after the other in a random order, and in the opposite order. The mean of there and back is each
feature's value in that game, exactly where features interact in twos; so what the background's rows do differently
cancels nowhere and adds no noise. (A few rows for each coalition, all coalitions in one regression, needs 2 to 5 times
as many model rows for the same error; without a control variate for the rows, it is worse than asking all of them.)
Walks go on, in waves, until the standard errors are within the tolerance or the rows are used up. With one background
(words, segments, a single usual row) there are no rows to tell apart, and `explain.pairs` does better.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.coalitions import Dealer, Matrix, Rows, along
from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.game import Game, numbers
from explain.groups import grouped
from explain.pairs import MOST_PAIRS, Pairs
from explain.players import BATCH, Players, make_players
from explain.solve import Fit, combine, steps, weigh
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Scalar

LEAST_WALKS = 12
"""Fewer walks say too little about how sure they are."""

CLASSES = 10
"""Of how many classes the attributions are kept, the most probable first."""


class Shapley(Explainer):
    """Shapley values by random walks, with standard errors and a rule when to stop."""

    name = "shapley"
    title = "Shapley, with an error bar"
    additive = True
    alone = True
    preference = 1
    chosen_because = "it explains any model, and says how sure it is"
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
        if not players.size:
            alone = numbers(np.asarray(predict(row), dtype=np.float64).reshape(1, -1))[0, 0].item()
            nothing = players.attributions(np.empty(0), schema)
            held: dict[str, Scalar] = {"held": ", ".join(players.unplayable) or None}
            return Attribution(alone, alone, nothing, {"rows_used": 1, "exact": True, "reached": True} | held, nothing)
        game = Game(predict, players)
        tolerance = chosen["tolerance"] / 1_000
        found = _estimate(game, chosen["rows"], tolerance, np.random.default_rng(seed))
        exact = isinstance(found, _Exact)
        fit = found.fit(game.output) if exact else game.no_surer_than_rounding(found.fit(game.output))
        error = game.relative_error(fit)
        usual, prediction = float(game.usual[game.output]), float(game.prediction[game.output])
        quality: dict[str, Scalar] = {
            "additivity_gap": abs(usual + float(fit.values.sum()) - prediction),
            "rows_used": game.asked,
            "coalitions": found.coalitions,
            "exact": exact,
            "tolerance": tolerance,
            "relative_error": error,
            "reached": error <= tolerance,
            "background_rows": found.background_rows,
            "players": players.size,
            "absent": players.absent,
            "held": ", ".join(players.unplayable) or None,
        }
        sums = players.sums(schema)
        # What is the sum of several players has a variance of its own.
        several = sums.sum(axis=0).max() > 1
        variances = found.fit(game.output, sums).variances if several else fit.variances @ sums
        names = [name for name, _ in grouped(schema.features)]
        return Attribution(
            base_value=usual,
            prediction=prediction,
            attributions=dict(zip(names, (fit.values @ sums).tolist(), strict=True)),
            quality=quality,
            standard_errors=dict(zip(names, np.sqrt(variances).tolist(), strict=True)),
            parts=players.parts(fit.values, np.sqrt(fit.variances)),
            outputs=_by_class(game, found, players, schema),
        )


def _estimate(game: Game, budget: int, tolerance: float, rng: np.random.Generator) -> "_Exact | _Walks | Pairs":
    """Ask for all coalitions if there is room for them; else for pairs where there is one background, or for walks."""
    if game.all_rows <= max(0, budget - game.asked):
        return _Exact(game)
    pairs = None
    if len(game.of_rows) == 1 and 2 * game.size <= MOST_PAIRS:  # with more players it has too little to go by
        pairs = Pairs(game, budget, rng)
        pairs.improve_until(tolerance)
        room = budget - game.asked >= LEAST_WALKS * 2 * (game.size - 1)
        if not room or game.relative_error(pairs.fit(game.output)) <= tolerance:
            return pairs
    walks = _Walks(game, budget, rng, beside=pairs)
    walks.improve_until(tolerance)
    return walks


def _by_class(
    game: Game, found: "_Exact | _Walks | Pairs", players: Players, schema: ModelSchema
) -> dict[str, dict[str, float]]:
    """Return the attributions of the most probable classes, all from the same answers."""
    if len(schema.classes) != len(game.usual):
        return {}
    likely = np.argsort(-game.prediction, kind="stable")[:CLASSES].tolist()
    return {schema.classes[at]: players.attributions(found.fit(at).values, schema) for at in likely}


class _Exact:
    """All coalitions over the whole background."""

    def __init__(self, game: Game) -> None:
        self._values = game.exact()
        self.coalitions = 2**game.size - 2
        self.background_rows = len(game.of_rows)

    def fit(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the values of one output, or sums of them; they are certain."""
        values = self._values[:, output] if sums is None else self._values[:, output] @ sums
        return Fit(values, np.zeros(len(values)))


class _Walks:
    """The walks so far, and what follows from them."""

    def __init__(self, game: Game, budget: int, rng: np.random.Generator, beside: Pairs | None = None) -> None:
        self._game, self._beside = game, beside
        count = len(game.of_rows)
        self._cost = 2 * (game.size - 1)
        self._most = (budget - game.asked) // self._cost
        if self._most < LEAST_WALKS:
            raise InvalidInput(
                f"{game.size} features and {count:,} background rows need at least "
                f"{game.asked + LEAST_WALKS * self._cost:,} model rows, and rows is {budget:,}; raise it, or take "
                "fewer background rows"
            )
        # Some rows are walked twice in any case, or nothing would be known of how far walks differ.
        self.background_rows = min(count, self._most - max(4, self._most // 3))
        self._usual_rows = self._spread(rng)
        self._dealer = Dealer(game.size, self.background_rows, rng)
        self._found = np.empty((len(game.usual), 0, game.size))
        self._rows: Rows = np.empty(0, dtype=np.intp)
        self._fits: dict[int, Fit] = {}

    @property
    def coalitions(self) -> int:
        """How many coalitions were asked, with one background row each."""
        return len(self._rows) * self._cost + (self._beside.coalitions if self._beside else 0)

    def improve_until(self, tolerance: float) -> None:
        """Walk until the relative error is within ``tolerance`` or the budget is used up."""
        wave = self._most if not tolerance else self.background_rows + max(LEAST_WALKS, self.background_rows // 2)
        while True:
            self._walk(min(wave, self._most - len(self._rows)))
            if len(self._rows) >= self._most or self._game.relative_error(self.fit(self._game.output)) <= tolerance:
                return
            wave = len(self._rows) // 2

    def _walk(self, walks: int) -> None:
        """Make so many more walks, some at a time."""
        step = max(1, BATCH // self._cost)
        found = [self._found]
        rows = self._dealer.rows(walks)
        for at in range(0, walks, step):
            part = self._usual_rows[rows[at : at + step]]
            orders = self._dealer.orders(len(part))
            members = along(orders).reshape(-1, self._game.size)
            repeated = np.repeat(part, self._game.size - 1)
            answers = self._game.worth(np.concatenate([members, ~members]), np.tile(repeated, 2))
            both = answers.T.reshape(-1, 2, len(part), self._game.size - 1)
            starts, ends = self._game.of_rows[part].T, self._game.prediction
            said = [
                steps(orders, there, back, start, float(end))
                for (there, back), start, end in zip(both, starts, ends, strict=True)
            ]
            found.append(np.stack(said))
        self._found = np.concatenate(found, axis=1)
        self._rows = np.concatenate([self._rows, rows])
        self._fits.clear()

    def fit(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the values of one output, or sums of them (such as a text's words), with their own variances."""
        if sums is None:
            if output not in self._fits:
                self._fits[output] = self._fit(output, None)
            return self._fits[output]
        return self._fit(output, sums)

    def _fit(self, output: int, sums: Matrix | None) -> Fit:
        game, found = self._game, self._found[output]
        mine = combine(
            found if sums is None else found @ sums,
            self._rows,
            game.of_rows[self._usual_rows, output],
            len(game.of_rows) - self.background_rows,
            float(game.usual[output]),
            float(game.prediction[output] - game.usual[output]),
        )
        return weigh(mine, self._beside.fit(output, sums)) if self._beside else mine

    def _spread(self, rng: np.random.Generator) -> Rows:
        """Return the background rows to use: all, or some evenly spaced by their answers."""
        order = np.argsort(self._game.of_rows[:, self._game.output], kind="stable")
        places = (np.arange(self.background_rows) + rng.random()) * len(order) / self.background_rows
        return np.asarray(order[np.minimum(places.astype(np.intp), len(order) - 1)])
