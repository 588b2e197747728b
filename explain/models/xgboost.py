"""An XGBoost model in its own format: JSON or UBJSON, which hold no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "xgboost", "model": "/models/late.ubj"}
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.booster import BoosterAdapter
from explain.columns import Column
from explain.models import checked
from monitor.types import Task


class XGBoostAdapter(BoosterAdapter):
    """An XGBoost booster."""

    name = "xgboost"
    begins = b"{"
    format = "XGBoost model in JSON or UBJSON"
    advice = 'save it by save_model("model.ubj"). The old binary format and pickles are not read'

    @classmethod
    def opened(cls, body: bytes, task: Task) -> tuple[Any, int]:
        """Return the booster and how many columns it reads; see `BoosterAdapter.opened`."""
        del task
        import xgboost

        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(body))
            # Small batches are asked one after the other: on busy processors two threads mostly wait for each other.
            booster.set_param({"nthread": 1})
            return booster, booster.num_features()
        except (xgboost.core.XGBoostError, TypeError, KeyError) as error:
            raise ValueError(str(error)) from error

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
            nthread=1,
        )
        return checked(self._booster.predict(data), len(matrix), self._schema.task, self._schema.classes)
