"""What methods that follow gradients share: taking a torch model apart, and adding up what its inputs contribute."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, resolve
from explain.models import Gradients, ModelAdapter
from explain.paths import Inputs, prepared
from explain.places import parts_of
from monitor.errors import InvalidInput
from monitor.types import ModelSchema


@dataclass(frozen=True, slots=True)
class Followed:
    """What each number of the inputs contributes, by feature, and from which answer on; ``asked`` rows were needed."""

    values: Mapping[str, npt.NDArray[np.float64]]
    base: float
    asked: int
    errors: Mapping[str, float] | None = None


class Following(Explainer):
    """A method that follows gradients; `followed` is what is its own."""

    additive: ClassVar[bool] = False
    preference: ClassVar[int] = -5

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

    @abstractmethod
    def followed(
        self, model: Gradients, own: Inputs, others: Inputs, usual: Callable[[], float], points: int, seed: int
    ) -> Followed:
        """Return what the inputs contribute.

        Args:
            model: it, taken apart.
            own: the explained row in the model's input space, [1, …] by feature.
            others: the background's N rows there.
            usual: asks for the mean answer to the background.
            points: how many points of lines may be asked.
            seed: every random choice follows from it.
        """

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
        points = resolve(type(self), settings)["rows"]
        if self._model is None:
            raise InvalidInput(
                f"{self.title} needs the methods explain_inputs and explain_outputs of the model's class; it has not "
                "both. Add them (the guide to explanations says how), or use shapley"
            )
        own, others = prepared(self._model, row, background)
        found = self.followed(self._model, own, others, lambda: float(predict(background).mean()), points, seed)
        prediction = float(predict(row)[0])
        nothing = {feature.name: 0.0 for feature in schema.features}
        sums = nothing | {name: float(given.sum()) for name, given in found.values.items()}
        local = found.base + sum(sums.values())
        return Attribution(
            base_value=found.base,
            prediction=prediction,
            attributions=sums,
            quality={
                "completeness_gap": abs(local - prediction),
                "local_prediction": local,
                "rows_used": found.asked,
                "background_rows": len(next(iter(background.values()))),
                "held": ", ".join(name for name in sums if name not in found.values) or None,
            },
            standard_errors=None if found.errors is None else nothing | dict(found.errors),
            parts=parts_of(found.values, row, schema),
        )
