"""Shapley values by the shap library's KernelExplainer (Lundberg and Lee 2017, arXiv 1705.07874).

Players are the original columns. The attributions are those of the interventional game: a feature that is "absent"
takes the values of the background rows. Every coalition is asked over the whole background, all coalitions are
enumerated where the row budget allows it (then the answer is exact), and the library's default L1 selection is off: it
sets all but ten features to zero.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.explainers.shap_library import Counting, library, seeded, thin
from explain.players import make_players
from explain.unplayed import unplayed
from monitor.types import ModelSchema


class ShapKernel(Explainer):
    """Kernel SHAP: exact for few features, else a weighted least squares fit over sampled coalitions."""

    name = "shap"
    title = "SHAP"
    additive = True
    preference = -1
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(420_000, 1_000, 5_000_000, "model rows that may be asked", probes=40_000)
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
        size = len(players.features)
        if not size:
            return unplayed(predict, row, players, schema, exact=True)
        usual = thin(players.background, budget // (2 * size + 2))
        every = 2**size - 2 if size < 40 else budget
        coalitions = max(2 * size, min(every, budget // len(usual)))
        answer = Counting(predict, players)
        with seeded(seed):
            kernel = library().KernelExplainer(answer, usual)
            values = kernel.shap_values(players.row, nsamples=coalitions, l1_reg=0, silent=True)
        base, prediction = float(kernel.expected_value), float(kernel.fx[0])
        quality = {
            "additivity_gap": abs(base + float(np.sum(values)) - prediction),
            "rows_used": answer.asked,
            "coalitions": min(coalitions, every),
            "exact": coalitions >= every,
            "background_rows": len(usual),
            "held": ", ".join(players.unplayable) or None,
        }
        return Attribution(base, prediction, players.attributions(np.asarray(values), schema), quality)
