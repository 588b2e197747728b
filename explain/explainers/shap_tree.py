"""Shapley values read off the trees themselves by the shap library's TreeExplainer (Lundberg et al. 2020).

The game is the interventional one of our own method: an absent feature takes the values of the background rows. No
coalition is asked of the model: the algorithm walks the trees, so that the answer is quick, and exact where the trees
add up to the model's answers (of boosted classifiers they add up to log odds: see `ShapTree`). What it says is held
against what the model answers every time, because the library compares thresholds in single precision: where base
value and attributions do not add up to the model's own answer, for the row and on average, the explanation is refused.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.explainers.shap_library import library
from explain.models import ModelAdapter, Trees
from explain.players import make_players
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Task

TOLERANCE = 1e-3
"""How far the sum may be from the model's answer, as a share of how far that is from the background's farthest."""

Matrix = npt.NDArray[np.float64]


class ShapTree(Explainer):
    """TreeSHAP over a background: refused where it does not add up, and told where it is scaled from log odds."""

    name = "shap_tree"
    title = "TreeSHAP"
    additive = True
    preference = 2
    chosen_because = "the model is an ensemble of trees, which can be read exactly"
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(100, 1, 1_000, "background rows that the trees are compared over")
    }

    def __init__(self) -> None:
        self._trees: Trees | None = None
        self._output: int | None = None

    @classmethod
    def preferred(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> int:
        """Return its preference: little where trees add up to log odds, whose shares of a probability are scaled."""
        return 0 if kind.in_log_odds and schema.task is not Task.REGRESSION else cls.preference

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why not: the model shows no trees, or they add up to a score for each of several classes.

        The library shares out no probability among several classes, and ends the process over some such models.
        """
        if not kind.has_trees:
            return "it reads trees, and the model shows none"
        if kind.in_log_odds and schema.task is Task.MULTICLASS:
            return "trees boosted for several classes add up to log odds, and cannot be scaled to a probability"
        return None

    def look_into(self, model: ModelAdapter, output: int | None) -> None:
        """Take the trees."""
        self._trees, self._output = model.trees(), output

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
        """Explain one row; see :class:`Explainer`. Nothing is left to chance, so that every seed gives the same.

        Raises:
            InvalidInput: the model has no trees that can be read, or what was read does not add up to its answers.
        """
        del seed
        chosen = resolve(type(self), settings)["rows"]
        if self._trees is None:
            raise InvalidInput("TreeSHAP reads trees, and this model shows none; use shapley")
        held = make_players(row, background, schema).unplayable
        usual = {name: column[:chosen] for name, column in background.items()}
        fixed = {name: np.repeat(row[name], len(column)) for name, column in usual.items() if name in held}
        usual |= fixed
        answers = predict(usual)
        prediction, base = float(predict(row)[0]), float(answers.mean())
        values, scaled = self._values(self._trees.matrix(row), self._trees.matrix(usual), prediction, base)
        gap = abs(base + float(values.sum()) - prediction)
        scale = max(float(np.abs(answers - prediction).max()), 1e-12)
        if gap > TOLERANCE * scale:
            raise InvalidInput(
                f"TreeSHAP's values add up to {base + float(values.sum()):.6g} and the model answers {prediction:.6g}: "
                "the library does not read these trees as the model does; use shapley"
            )
        by_feature = dict.fromkeys((feature.name for feature in schema.features), 0.0)
        for owner, value in zip(self._trees.owners, values, strict=True):
            by_feature[owner] += float(value)
        # What rounding left over goes to all that have a share, so that the sum is exact.
        spread = np.array(list(by_feature.values()))
        rest = prediction - base - float(spread.sum())
        weight = np.abs(spread).sum()
        spread = spread + rest * (np.abs(spread) / weight if weight else 1 / len(spread))
        return Attribution(
            base_value=base,
            prediction=prediction,
            attributions=dict(zip(by_feature, map(float, spread), strict=True)),
            quality={
                "additivity_gap": gap,
                "rows_used": len(answers) + 1,
                "exact": not scaled,
                "scaled": "from log odds, which the trees add up to" if scaled else None,
                "background_rows": len(answers),
                "held": ", ".join(held) or None,
            },
        )

    def _values(self, row: Matrix, usual: Matrix, prediction: float, base: float) -> tuple[Matrix, bool]:
        """Return the values of the trees' inputs, and whether they were scaled.

        Where the trees add up to the model's answers, their values are exact. A classifier's that add up to log odds
        have theirs scaled by the library, for each background row, to add up to the probability: no Shapley values of
        it, though near them.
        """
        assert self._trees is not None  # noqa: S101 - asked by `explain`
        said: list[str] = []
        found: list[tuple[float, Matrix, bool]] = []
        for space in ("raw", "probability"):
            try:
                explainer = library().TreeExplainer(
                    self._trees.model, usual, feature_perturbation="interventional", model_output=space
                )
                values = self._of_output(explainer.shap_values(row, check_additivity=False), len(self._trees.owners))
            except Exception as error:  # noqa: BLE001 - the library raises whatever its parsers meet in a model
                said.append(f"{type(error).__name__}: {str(error)[:200]}")
                continue
            gap = abs(base + float(values.sum()) - prediction)
            if gap <= TOLERANCE * abs(prediction - base):
                return values, space == "probability"
            found.append((gap, values, space == "probability"))
        if not found:
            raise InvalidInput(f"TreeSHAP cannot read these trees ({said[-1]}); use shapley")
        _, values, scaled = min(found, key=lambda each: each[0])
        return values, scaled

    def _of_output(self, values: Any, inputs: int) -> Matrix:
        """Return the values of the explained class, [inputs], of what the library gives in several shapes."""
        array = np.asarray(values, dtype=np.float64)
        if array.ndim == 3:
            array = array[:, :, -1 if self._output is None else self._output]
        return array.reshape(-1)[:inputs]
