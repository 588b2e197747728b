"""An XGBoost model in its own format: JSON or UBJSON, which hold no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "xgboost", "model": "/models/late.ubj"}
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.encoding import Encoding
from explain.models import Allowed, ModelAdapter, Specification, Trees, checked, file_digest, identity, read, text
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Task


class XGBoostAdapter(ModelAdapter):
    """An XGBoost booster."""

    name = "xgboost"
    has_trees = True

    def __init__(self, booster: Any, encoding: Encoding, task: Task) -> None:
        self._booster, self._encoding, self._task = booster, encoding, task

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "XGBoostAdapter":
        """Load the booster.

        Raises:
            InvalidInput: the file is neither JSON nor UBJSON of a booster, or the columns do not fit.
        """
        del allowed
        body = read(text(spec, "model"), "model")
        if not body.startswith(b"{"):
            raise InvalidInput(
                f'{spec["model"]!r} is no XGBoost model in JSON or UBJSON; save it by save_model("model.ubj"). The old '
                "binary format and pickles are not read"
            )
        import xgboost

        encoding = Encoding.of(spec, schema)
        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(body))
            width = booster.num_features()
        except (xgboost.core.XGBoostError, ValueError, TypeError, KeyError) as error:
            first = str(error).strip().split("\n")[0][:300]
            raise InvalidInput(f"{spec['model']!r} is no XGBoost model: {first}") from error
        if width != len(encoding.columns):
            raise InvalidInput(f'the model reads {width} columns, and {len(encoding.columns)} are given: set "columns"')
        return cls(booster, encoding, schema.task)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of its columns."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the booster's outputs, [n] or [n, classes]."""
        import xgboost

        matrix = self._encoding.matrix(columns)
        types = self._booster.feature_types
        data = xgboost.DMatrix(
            matrix,
            feature_names=self._booster.feature_names,
            feature_types=types,
            enable_categorical="c" in (types or ()),
        )
        return checked(self._booster.predict(data), len(matrix), self._task)

    def trees(self) -> Trees:
        """Return the booster, for methods that read it."""
        return Trees(self._booster, self._encoding.matrix, self._encoding.columns)
