"""Integrated gradients (Sundararajan, Taly and Yan 2017, arXiv 1703.01365) from the background's mean to the row.

The gradient is averaged along the straight line between them, by Gauss–Legendre points, and multiplied by the distance.
The attributions add up to the row's answer less the mean's ("completeness") as far as the points suffice; how far they
miss it is in ``quality``.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.models import Gradients, ModelAdapter
from explain.paths import explained, prepared, slopes
from explain.places import parts_of
from monitor.errors import InvalidInput
from monitor.types import ModelSchema


class IntegratedGradients(Explainer):
    """Integrated gradients of a torch model."""

    name = "integrated_gradients"
    title = "Integrated gradients"
    additive = False
    by_chance = False
    preference = -5
    settings: ClassVar[Mapping[str, Setting]] = {"rows": Setting(64, 8, 2_000, "points along the line")}

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
        """Explain one row; see :class:`Explainer`. Nothing is left to chance, so that every seed gives the same.

        Raises:
            InvalidInput: the model's class has no explain_inputs and explain_outputs.
        """
        import torch

        del seed
        points = resolve(type(self), settings)["rows"]
        model = takes(self._model, self.title)
        own, others = prepared(model, row, background)
        mean = {name: tensor.mean(dim=0, keepdim=True) for name, tensor in others.items()}
        places, weights = np.polynomial.legendre.leggauss(points)
        starts = {name: tensor.expand(points, *tensor.shape[1:]) for name, tensor in mean.items()}
        found = slopes(model, self._output, own, starts, (places + 1) / 2)
        values = {name: np.tensordot(weights / 2, each, axes=1) for name, each in found.contributions.items()}
        with torch.no_grad():
            base = float(explained(model.outputs(mean), self._output)[0])
        prediction = float(predict(row)[0])
        sums = {feature.name: 0.0 for feature in schema.features}
        sums |= {name: float(each.sum()) for name, each in values.items()}
        local = base + sum(sums.values())
        return Attribution(
            base_value=base,
            prediction=prediction,
            attributions=sums,
            quality={
                "completeness_gap": abs(local - prediction),
                "local_prediction": local,
                "rows_used": points + 2,
                "background_rows": len(next(iter(background.values()))),
                "held": ", ".join(name for name in sums if name not in values) or None,
            },
            parts=parts_of(values, row, schema),
        )


def takes(model: Gradients | None, title: str) -> Gradients:
    """Return what gradients follow.

    Raises:
        InvalidInput: the model shows nothing of the kind.
    """
    if model is None:
        raise InvalidInput(
            f"{title} needs the methods explain_inputs and explain_outputs of the model's class; it has not both. "
            "Add them (the guide to explanations says how), or use shapley"
        )
    return model
