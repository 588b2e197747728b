"""Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients, averaged over the background's rows.

Every draw is a background row and a point on the line from it to the explained row; their mean adds up to the row's
answer less the background's mean answer. Points are spread evenly over the lines' length, and rows are dealt in turn,
so that few draws suffice; standard errors come from the means of several groups of draws.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.explainers.integrated_gradients import takes
from explain.models import Gradients, ModelAdapter
from explain.paths import prepared, slopes
from explain.places import parts_of
from monitor.types import ModelSchema

GROUPS = 10


class ExpectedGradients(Explainer):
    """Expected gradients of a torch model."""

    name = "expected_gradients"
    title = "Expected gradients"
    additive = False
    preference = -5
    settings: ClassVar[Mapping[str, Setting]] = {"rows": Setting(1_000, 100, 100_000, "points on lines")}

    def __init__(self) -> None:
        self._model: Gradients | None = None
        self._output: int | None = None

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why not: nothing follows gradients through the model."""
        del schema
        return None if kind.has_gradients else "it follows gradients, and the model shows none"

    def look_into(self, model: ModelAdapter, output: int | None) -> None:
        """Take the model apart."""
        self._model, self._output = model.gradients(), output

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
        """Explain one row; see :class:`Explainer`.

        Raises:
            InvalidInput: the model's class has no explain_inputs and explain_outputs.
        """
        each = resolve(type(self), settings)["rows"] // GROUPS
        model = takes(self._model, self.title)
        own, others = prepared(model, row, background)
        count = len(next(iter(background.values())))
        rng = np.random.default_rng(seed)
        dealt = np.concatenate([rng.permutation(count) for _ in range(-(-each * GROUPS // count))])[: each * GROUPS]
        # In every group the points are one in each of `each` equal stretches of the line.
        shares = np.concatenate([(rng.permutation(each) + rng.random(each)) / each for _ in range(GROUPS)])
        found = slopes(model, self._output, own, {name: tensor[dealt] for name, tensor in others.items()}, shares)
        values = {name: given.mean(axis=0) for name, given in found.contributions.items()}
        prediction, base = float(predict(row)[0]), float(predict(background).mean())
        sums = {feature.name: 0.0 for feature in schema.features}
        errors = dict(sums)
        for name, given in found.contributions.items():
            groups = given.reshape(GROUPS, each, -1).sum(axis=2).mean(axis=1)
            sums[name] = float(values[name].sum())
            errors[name] = float(groups.std(ddof=1) / np.sqrt(GROUPS))
        local = base + sum(sums.values())
        return Attribution(
            base_value=base,
            prediction=prediction,
            attributions=sums,
            quality={
                "completeness_gap": abs(local - prediction),
                "local_prediction": local,
                "rows_used": each * GROUPS + count + 1,
                "background_rows": count,
                "held": ", ".join(name for name in sums if name not in values) or None,
            },
            standard_errors=errors,
            parts=parts_of(values, row, schema),
        )
