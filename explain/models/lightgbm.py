"""A LightGBM model in its own text format, which holds no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "lightgbm", "model": "/models/late.txt"}
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.booster import BoosterAdapter
from explain.columns import Column
from explain.models import checked
from monitor.types import Task

WHOLE = b"\nend of trees"
"""What follows the last tree. A file without it, the library reads beyond its end, and the process dies."""


class LightGBMAdapter(BoosterAdapter):
    """A LightGBM booster."""

    name = "lightgbm"
    begins = b"tree\n"
    format = "LightGBM model in text"
    advice = "save it by Booster.save_model. Pickles are not read"

    @classmethod
    def opened(cls, body: bytes, task: Task) -> tuple[Any, int]:
        """Return the booster and how many columns it reads; see `BoosterAdapter.opened`."""
        del task
        if WHOLE not in body:
            raise ValueError(f"it was cut short: the line {WHOLE.decode().strip()!r} is missing")
        import lightgbm

        try:
            booster = lightgbm.Booster(model_str=body.decode())
            return booster, booster.num_feature()
        except (lightgbm.basic.LightGBMError, KeyError) as error:
            raise ValueError(str(error)) from error

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the booster's outputs, [n] or [n, classes]."""
        matrix = self._encoding.matrix(columns)
        return checked(
            self._booster.predict(matrix, num_threads=1), len(matrix), self._schema.task, self._schema.classes
        )
