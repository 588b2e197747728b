"""Shapley values taken apart: what each input does alone, and what every two do together.

What two inputs do together is their Shapley interaction index (see `explain.together`); half of it counts for each of
the two. What is left of an input's Shapley value it does alone. So the parts of an input add up to its attribution, and
all parts to the answer less the average answer. Where the budget has room for all coalitions, all of it is exact; else
values and interactions are sampled, each from half of the budget, and have standard errors.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.explainers.lime_tabular import TABULAR, only
from explain.explainers.shapley import Shapley
from explain.game import Game
from explain.groups import grouped
from explain.models import ModelAdapter
from explain.players import Players, make_players
from explain.solve import Fit
from explain.together import METHOD, Pairs, exact, sampled
from monitor.errors import InvalidInput
from monitor.types import Kind, ModelSchema, Part


class Interactions(Explainer):
    """Shapley values with the interactions of every two inputs of a table."""

    name = METHOD
    title = "Interactions"
    additive = True
    preference = -4
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(400_000, 1_000, 5_000_000, "model rows that may be asked", probes=40_000)
    }

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why not: the model reads images, sequences, or one text alone."""
        del kind
        tabular = {feature.kind for feature in schema.features} <= TABULAR
        return None if tabular and only(schema, Kind.TEXT) is not None else "it is for tables"

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
        """Explain one row; see :class:`Explainer`. Its ``parts`` are `parts_of` its players.

        Raises:
            InvalidInput: the budget is too small for so many pairs.
        """
        budget = resolve(type(self), settings)["rows"]
        players = make_players(row, background, schema)
        if players.size < 2:
            return Shapley().explain(predict, row, background, schema, seed=seed, rows=budget)
        worded = next((player.feature for player in players.names if player.place), None)
        if worded is not None:
            raise InvalidInput(f"interactions are of whole columns, and {worded!r} is one of words; use shapley")
        game = Game(predict, players)
        if game.all_rows + 2 * len(game.of_rows) <= budget - game.asked:
            values, pairs = exact(game, players.batch)
            return _attribution(game, players, schema, Fit(values, np.zeros(players.size)), pairs, game.asked)
        pairs = sampled(game, budget // 2 - game.asked, np.random.default_rng(seed))
        alone = Shapley().explain(predict, row, background, schema, seed=seed, rows=budget // 2)
        errors = alone.standard_errors or {}
        values = np.array([alone.attributions[player.feature] for player in players.names])
        variances = np.array([errors[player.feature] ** 2 for player in players.names])
        asked = game.asked + int(alone.quality["rows_used"] or 0)
        return _attribution(game, players, schema, Fit(values, variances), pairs, asked)


def _attribution(game: Game, players: Players, schema: ModelSchema, fit: Fit, pairs: Pairs, asked: int) -> Attribution:
    usual, prediction = float(game.usual[game.output]), float(game.prediction[game.output])
    values = fit.values + (prediction - usual - fit.values.sum()) / len(fit.values)  # rounding
    names = [name for name, _ in grouped(schema.features)]
    errors = np.sqrt(fit.variances @ players.sums(schema)).tolist()
    return Attribution(
        base_value=usual,
        prediction=prediction,
        attributions=players.attributions(values, schema),
        quality={
            "rows_used": asked,
            "exact": not pairs.draws,
            "pairs": players.size * (players.size - 1) // 2,
            "draws_per_pair": pairs.draws or None,
            "background_rows": len(game.of_rows),
            "held": ", ".join(players.unplayable) or None,
        },
        standard_errors=dict(zip(names, errors, strict=True)),
        parts=parts_of(players, Fit(values, fit.variances), pairs),
    )


def parts_of(players: Players, fit: Fit, pairs: Pairs) -> tuple[Part, ...]:
    """Return what each player does alone, and its halves of what it does with each other.

    ``place`` is the player's number, and for a pair the other's after it.
    """
    alone = fit.values - pairs.together.sum(axis=1) / 2
    of_alone = np.sqrt(fit.variances + (pairs.errors**2).sum(axis=1) / 4)
    found = []
    for at, player in enumerate(players.names):
        found.append(
            Part(
                feature=player.feature,
                label=player.label,
                place=(at,),
                amount=alone[at].item(),
                error=of_alone[at].item(),
            )
        )
        found += [
            Part(
                feature=player.feature,
                label=f"{player.label} × {other.label}",
                place=(at, beside),
                amount=pairs.together[at, beside].item() / 2,
                error=pairs.errors[at, beside].item() / 2,
            )
            for beside, other in enumerate(players.names)
            if beside != at
        ]
    return tuple(found)
