"""An XGBoost model in its own format: JSON or UBJSON, which hold no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "xgboost", "model": "/models/late.ubj"}

Where training was stopped early, it is asked as XGBoost itself asks it: a file that its scikit-learn interface saved
answers with the trees up to the best iteration, one that a Booster saved with all.
"""

import json
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
            booster = _served(booster)
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


def _served(booster: Any) -> Any:
    """Return the part of a booster that answers where it is served; linear ones have no trees to leave out."""
    said = booster.attributes()
    linear = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear"
    if "scikit_learn" not in said or "best_iteration" not in said or linear:
        return booster
    return booster[: int(said["best_iteration"]) + 1]
