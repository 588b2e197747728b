"""A CatBoost model in its own binary format, which holds no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "catboost", "model": "/models/late.cbm"}

Models that read numbers, and categories by their place in a list, are supported. One that was fitted to categories or
texts as such (``cat_features``) is refused: CatBoost's trees cannot be read with them; export it to ONNX, or serve it.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.booster import BoosterAdapter
from explain.columns import Column
from explain.models import checked, places
from monitor.types import Task

SIZE = struct.Struct("<I")
"""The size of the trees in bytes, which follows the mark. Of a file with less the library reads what was in memory."""


class CatBoostAdapter(BoosterAdapter):
    """A CatBoost model over numbers."""

    name = "catboost"
    begins = b"CBM1"
    format = "CatBoost model (.cbm)"
    advice = 'save it by save_model("model.cbm"). Other formats and pickles are not read'

    @classmethod
    def opened(cls, body: bytes, task: Task) -> tuple[Any, int]:
        """Return the model and how many columns it reads; see `BoosterAdapter.opened`."""
        need = len(cls.begins) + SIZE.size + SIZE.unpack_from(body.ljust(8, b"\0"), len(cls.begins))[0]
        if len(body) < need:
            raise ValueError(f"it was cut short: its head tells of {need:,} bytes, and it has {len(body):,}")
        import catboost

        model = catboost.CatBoostRegressor() if task is Task.REGRESSION else catboost.CatBoostClassifier()
        try:
            model.load_model(blob=body)
        except (catboost.CatBoostError, KeyError) as error:
            raise ValueError(str(error)) from error
        if model.get_cat_feature_indices() or model.get_text_feature_indices():
            raise ValueError("it reads categories or texts as such; encode them as numbers, or export it to ONNX")
        return model, len(model.feature_names_)

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the model's outputs, [n] or [n, classes] in the model's order."""
        matrix = self._encoding.matrix(columns)
        schema = self._schema
        asked = "RawFormulaVal" if schema.task is Task.REGRESSION else "Probability"
        outputs = self._booster.predict(matrix, prediction_type=asked, thread_count=1)
        if schema.task is not Task.REGRESSION:
            outputs = outputs[:, places(schema.classes, self._booster.classes_)]
        return checked(outputs, len(matrix), schema.task, schema.classes)
