"""Shapley values by the shap library's PermutationExplainer (Strumbelj and Kononenko 2014), to compare others with.

Players join in a random order and leave in the opposite one, every step over the whole background; the mean over such
passes adds up exactly, whatever the number of passes.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.explainers.shap_library import Counting, library, seeded, thin
from explain.players import make_players
from explain.unplayed import unplayed
from monitor.errors import InvalidInput
from monitor.types import ModelSchema


class ShapPermutation(Explainer):
    """Permutation SHAP over whole passes."""

    name = "shap_permutation"
    title = "Permutation SHAP"
    additive = True
    preference = -3
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(50_000, 1_000, 5_000_000, "model rows that may be asked", probes=20_000)
    }

    @classmethod
    def warm(cls) -> None:
        """Import the library."""
        library()

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
        budget = resolve(type(self), settings)["rows"]
        players = make_players(row, background, schema)
        size = players.size
        if not size:
            return unplayed(predict, row, players, schema)
        once = 2 * size + 1
        if once > budget:
            raise InvalidInput(f"{size:,} players need at least {once:,} model rows, and rows is {budget:,}; raise it")
        usual = thin(players.background, budget // once)
        answer = Counting(predict, players)
        with seeded(seed):
            masker = library().maskers.Independent(usual, max_samples=len(usual))
            explainer = library().PermutationExplainer(answer, masker, seed=seed)
            evaluations = max(once, budget // len(usual) // once * once)
            values = np.asarray(explainer(players.row[None], max_evals=evaluations, silent=True).values[0])
        base = float(answer(usual).mean())
        prediction = float(answer(players.row[None])[0])
        gap = abs(base + float(values.sum()) - prediction)
        values = values + (prediction - base - values.sum()) / size
        return Attribution(
            base_value=base,
            prediction=prediction,
            attributions=players.attributions(values, schema),
            quality={
                "additivity_gap": gap,
                "rows_used": answer.asked,
                "background_rows": len(usual),
                "held": ", ".join(players.unplayable) or None,
            },
            parts=players.parts(values),
        )
