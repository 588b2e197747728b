"""Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901): how the answer changes when one player alone is absent.

One question for each word, segment, stretch of time or column, so that it is quick; what several do together it does
not see. The changes need not add up to the answer.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.players import make_players
from explain.unplayed import unplayed
from monitor.errors import InvalidInput
from monitor.types import ModelSchema

STAND_INS = 25
"""How many background rows stand in for what is absent, at most."""


class Occlusion(Explainer):
    """The answer less the mean answer with one player absent."""

    name = "occlusion"
    title = "Occlusion"
    additive = False
    alone = True
    by_chance = False
    preference = -4
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(2_000, 50, 1_000_000, "model rows that may be asked", probes=1_000)
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
        """Explain one row; see :class:`Explainer`. Nothing is left to chance, so that every seed gives the same."""
        del seed
        budget = resolve(type(self), settings)["rows"]
        players = make_players(row, background, schema)
        if not players.size:
            return unplayed(predict, row, players, schema)
        prediction = float(predict(row)[0])
        count = min(players.rows, STAND_INS, (budget - 1) // (players.size + 1))
        if not count:
            raise InvalidInput(
                f"{players.size:,} players need at least {players.size + 2:,} model rows, and rows is {budget:,}; "
                "raise it"
            )
        chosen = np.linspace(0, players.rows - 1, count).round().astype(np.intp)
        # One line for each player that is absent, and a last one in which all are.
        members = np.vstack([~np.eye(players.size, dtype=np.bool_), np.zeros((1, players.size), dtype=np.bool_)])
        answers = predict(players.mixed(np.repeat(members, count, axis=0), np.tile(chosen, len(members))))
        means = answers.reshape(len(members), count).mean(axis=1)
        values = prediction - means[:-1]
        base = float(means[-1])
        return Attribution(
            base_value=base,
            prediction=prediction,
            attributions=players.attributions(values, schema),
            quality={
                "local_prediction": base + float(values.sum()),
                "rows_used": len(answers) + 1,
                "background_rows": count,
                "absent": players.absent or None,
                "held": ", ".join(players.unplayable) or None,
            },
            parts=players.parts(values),
        )
