"""The players of an explanation: the features as people know them, coded so that any explainer can mix rows.

A library that wants one matrix of numbers gets integer codes: within a column equal values share a code, so that text
and null are as good as numbers, and one category is one player, not a crowd of dummies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explain.columns import PLAYABLE, Column
from monitor.types import Feature, ModelSchema


@dataclass(frozen=True, slots=True)
class Players:
    """One row and its background over the M features that play.

    ``tables[j][code]`` is the value of player j. ``held`` are the features that do not play: those equal in the row and
    all of the background, which cannot matter, and those of a kind that has no replacement (``unplayable``).
    """

    features: tuple[Feature, ...]
    tables: tuple[Column, ...]
    row: npt.NDArray[np.float64]
    background: npt.NDArray[np.float64]
    held: Mapping[str, Column]
    unplayable: tuple[str, ...]

    def decode(self, codes: npt.NDArray[np.float64]) -> dict[str, Column]:
        """Return the columns of n coded rows [n, M]."""
        columns = {
            feature.name: table[codes[:, index].astype(np.intp)]
            for index, (feature, table) in enumerate(zip(self.features, self.tables, strict=True))
        }
        return columns | self.constant(len(codes))

    def constant(self, rows: int) -> dict[str, Column]:
        """Return the columns that do not play, repeated for n rows."""
        return {name: np.repeat(column, rows) for name, column in self.held.items()}

    def attributions(self, values: npt.NDArray[np.float64], schema: ModelSchema) -> dict[str, float]:
        """Return the players' values [M] by name in schema order; a feature that does not play has 0."""
        by_name = {feature.name: float(value) for feature, value in zip(self.features, values, strict=True)}
        return {feature.name: by_name.get(feature.name, 0.0) for feature in schema.features}


def make_players(row: Mapping[str, Column], background: Mapping[str, Column], schema: ModelSchema) -> Players:
    """Find the features that play and code them.

    >>> from monitor.types import Kind, Task
    >>> seats = Feature(name="seats", kind=Kind.INTEGER)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=(seats,))
    >>> players = make_players({"seats": np.array([2.0])}, {"seats": np.array([2.0, np.nan])}, schema)
    >>> players.decode(np.array([[0.0], [1.0]]))
    {'seats': array([ 2., nan])}
    """
    features, tables, columns, held, unplayable = [], [], [], {}, []
    for feature in schema.features:
        own, others = row[feature.name], background[feature.name]
        if feature.kind not in PLAYABLE:
            held[feature.name] = own
            unplayable.append(feature.name)
            continue
        table, codes = _codes(np.concatenate([own, others]))
        if len(table) == 1:
            held[feature.name] = own
        else:
            features.append(feature)
            tables.append(table)
            columns.append(codes)
    rows = len(next(iter(background.values()), ()))
    matrix = np.stack(columns, axis=1) if columns else np.empty((rows + 1, 0))
    return Players(tuple(features), tuple(tables), matrix[0], matrix[1:], held, tuple(unplayable))


def _codes(column: Column) -> tuple[Column, npt.NDArray[np.float64]]:
    """Return the distinct values, first seen first, and each row's code; NaN equals NaN."""
    if column.dtype.kind == "f":
        _, at, place = np.unique(column, return_index=True, return_inverse=True)
        order = at.argsort()
        return column[at[order]], order.argsort()[place].astype(np.float64)
    seen: dict[object, int] = {}
    codes = np.empty(len(column))
    first: list[int] = []
    for index, value in enumerate(column.tolist()):
        key = None if isinstance(value, float) and np.isnan(value) else value
        if key not in seen:
            seen[key] = len(seen)
            first.append(index)
        codes[index] = seen[key]
    return column[first], codes
