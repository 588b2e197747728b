"""Columns as the one matrix of numbers that trees and most exported models read.

A specification may name the ``columns`` to read, in order, and for those that are no numbers their ``categories``::

    {"columns": ["carrier", "delay"], "categories": {"carrier": ["AA", "B6", "UA"]}}

Numbers are float64 with NaN for null. A category becomes its place in its list, and NaN where it is null or not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explain.columns import NUMBERS, Column
from explain.files import Specification
from monitor.errors import InvalidInput
from monitor.types import ModelSchema

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Encoding:
    """Which columns, in which order, and the numbers of their categories."""

    columns: tuple[str, ...]
    categories: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, spec: Specification, schema: ModelSchema) -> "Encoding":
        """Read what a specification says.

        Raises:
            InvalidInput: a column that is no feature, or one of strings without its categories.
        """
        features = {feature.name: feature for feature in schema.features}
        columns = spec.get("columns", list(features))
        if not isinstance(columns, list | tuple) or not columns or any(name not in features for name in columns):
            raise InvalidInput(f'"columns" must list features of {", ".join(features)}; got {columns!r}')
        given = spec.get("categories", {})
        if not isinstance(given, Mapping) or not all(isinstance(each, list | tuple) for each in given.values()):
            raise InvalidInput(f'"categories" must be a list of values for each column of strings; got {given!r}')
        missing = [name for name in columns if features[name].kind not in NUMBERS and name not in given]
        if missing:
            raise InvalidInput(
                f"the model reads numbers, and {', '.join(missing)} holds {features[missing[0]].kind}; name the values "
                'in the order of their numbers in "categories", or leave the column out of "columns"'
            )
        codes = {name: {str(value): float(at) for at, value in enumerate(values)} for name, values in given.items()}
        return cls(tuple(columns), codes)

    def matrix(self, columns: Mapping[str, Column]) -> Matrix:
        """Return the columns of n rows as numbers, [n, columns].

        >>> encoding = Encoding(("carrier", "delay"), {"carrier": {"AA": 0.0}})
        >>> encoding.matrix({"carrier": np.array(["AA", "ZZ"], object), "delay": np.array([1.0, np.nan])}).tolist()
        [[0.0, 1.0], [nan, nan]]
        """
        return np.stack([self._numbers(name, columns[name]) for name in self.columns], axis=1)

    def _numbers(self, name: str, column: Column) -> Matrix:
        codes = self.categories.get(name)
        if codes is None:
            return np.asarray(column, dtype=np.float64)
        return np.array([codes.get(str(value), np.nan) if value is not None else np.nan for value in column])
