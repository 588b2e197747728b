"""LIME (Ribeiro, Singh and Guestrin 2016, arXiv 1602.04938) by the lime library, over the original columns.

The row's neighbourhood is drawn from the background: numbers by quartile bin, categories, texts and truth values by
their frequency. A weighted ridge regression over "same bin (or value) as the row" is fitted to the model's answers; its
coefficients are the attributions and its intercept the base value. They add up to the *local model's* prediction, not
to the model's: how far these agree, and the fit's R², are in ``quality``.

Null is a bin (or value) of its own. The row itself is counted among the background, so that its own null or rare
category can be drawn.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import PLAYABLE, Column
from explain.explainers import Attribution, Explainer, Predict, Setting, resolve
from explain.models import ModelAdapter
from explain.players import Players, make_players
from explain.unplayed import unplayed
from monitor.types import Kind, ModelSchema

Matrix = npt.NDArray[np.float64]

ABSURD = 1e100
"""Numbers beyond it overflow when their variance is taken."""


TABULAR = PLAYABLE | {Kind.ID}


def only(schema: ModelSchema, kind: Kind) -> str | None:
    """Return why a method for one text or image cannot explain such rows; None where it can."""
    kinds = [feature.kind for feature in schema.features if feature.kind is not Kind.ID]
    return None if kinds == [kind] else f"it is for models of one {kind.value} and nothing else"


class LimeTabular(Explainer):
    """LIME for tables."""

    name = "lime"
    title = "LIME"
    additive = False
    preference = -2
    settings: ClassVar[Mapping[str, Setting]] = {"rows": Setting(5_000, 100, 200_000, "perturbed rows that are asked")}

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why not: the model reads images, sequences, or one text alone."""
        del kind
        kinds = {feature.kind for feature in schema.features}
        if only(schema, Kind.TEXT) is None or not kinds <= TABULAR:
            return "it is for tables; texts and images have a LIME of their own"
        return None

    @classmethod
    def warm(cls) -> None:
        """Import the library."""
        import lime.lime_tabular  # noqa: F401

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
        rows = resolve(type(self), settings)["rows"]
        players = make_players(row, background, schema)
        size = len(players.features)
        if not size:
            return unplayed(predict, row, players, schema, r2=1.0)
        grid = Neighbourhood(players)
        tabular = _library(grid, seed % 2**32)
        found = tabular.explain_instance(
            grid.matrix[0], lambda matrix: predict(grid.decode(matrix)), num_features=size, num_samples=rows
        )
        values = np.zeros(size)
        for index, weight in found.local_exp[1]:
            values[index] = weight
        prediction, local = float(found.predicted_value), float(found.local_pred[0])
        quality = {
            "r2": float(found.score),
            "local_prediction": local,
            "local_gap": abs(local - prediction),
            "rows_used": rows,
            "background_rows": len(players.background),
            "held": ", ".join(players.unplayable) or None,
        }
        return Attribution(float(found.intercept[1]), prediction, players.attributions(values, schema), quality)


class Neighbourhood:
    """Row and background as the one matrix [1 + N, M] that lime perturbs, and the way back.

    Continuous columns keep their numbers, with null just below the least of them, cut off by ``floors``. All others are
    codes; so is a column with an infinite or absurd value, which has no spread to draw from.
    """

    def __init__(self, players: Players) -> None:
        self._players = players
        self.matrix: Matrix = np.vstack([players.row, players.background])
        self.floors: dict[int, float] = {}
        for index, (feature, table) in enumerate(zip(players.features, players.tables, strict=True)):
            continuous = feature is not None and feature.kind in (Kind.NUMERIC, Kind.INTEGER, Kind.TIMESTAMP)
            if continuous and not (np.abs(table) > ABSURD).any():
                values = table[self.matrix[:, index].astype(np.intp)]
                least, most = float(np.nanmin(values)), float(np.nanmax(values))
                step = 1e-6 * max(abs(least), abs(most), most - least, 1e-6)
                self.floors[index] = least - step
                self.matrix[:, index] = np.where(np.isnan(values), least - 2 * step, values)

    @property
    def coded(self) -> list[int]:
        """The columns that are codes."""
        return [index for index in range(self.matrix.shape[1]) if index not in self.floors]

    def decode(self, matrix: Matrix) -> dict[str, Column]:
        """Return the columns of n perturbed rows [n, M]."""
        codes = matrix.copy()
        codes[:, list(self.floors)] = 0  # numbers are no codes: their columns are written over
        columns = self._players.decode(codes)
        for index, floor in self.floors.items():
            feature, column = self._players.features[index], matrix[:, index]
            if feature is not None:
                whole = np.round(column) if feature.kind is Kind.INTEGER else column
                columns[feature.name] = np.where(column <= floor, np.nan, whole)
        return columns


def _library(grid: Neighbourhood, seed: int) -> Any:
    """Return lime's explainer over the grid's matrix, with quartile bins that set null apart."""
    from lime.discretize import BaseDiscretizer
    from lime.lime_tabular import LimeTabularExplainer

    class Quartiles(BaseDiscretizer):  # type: ignore[misc] # lime has no type information
        """Bin edges at the quartiles of the values that are there, and at the floor where some are null."""

        def bins(self, data: Matrix, labels: object) -> list[Matrix]:  # noqa: ARG002 - lime's signature
            edges = []
            for index in self.to_discretize:
                column, floor = data[:, index], grid.floors[index]
                quartiles = np.percentile(column[column > floor], [25, 50, 75])
                edges.append(np.append(floor, quartiles) if (column <= floor).any() else quartiles)
            return edges

        def get_undiscretize_values(self, feature: int, values: npt.NDArray[np.intp]) -> Matrix:
            """Draw from bins; lime itself gives 0 for a bin of one value, whatever that value is."""
            drawn = super().get_undiscretize_values(feature, values)
            low, high = np.array(self.mins[feature])[values], np.array(self.maxs[feature])[values]
            return np.asarray(np.where(low == high, low, drawn), dtype=np.float64)

    names = [str(index) for index in range(grid.matrix.shape[1])]
    return LimeTabularExplainer(
        grid.matrix,
        mode="regression",
        feature_names=names,
        categorical_features=grid.coded,
        feature_selection="none",
        discretizer=Quartiles(grid.matrix, grid.coded, names, random_state=seed),
        random_state=seed,
    )
