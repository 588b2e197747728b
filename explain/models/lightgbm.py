"""A LightGBM model in its own text format, which holds no code.

The specification of a version's artifact (for ``columns`` and ``categories`` see :mod:`explain.encoding`)::

    {"adapter": "lightgbm", "model": "/models/late.txt"}
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


class LightGBMAdapter(ModelAdapter):
    """A LightGBM booster."""

    name = "lightgbm"
    has_trees = True

    def __init__(self, booster: Any, encoding: Encoding, task: Task) -> None:
        self._booster, self._encoding, self._task = booster, encoding, task

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "LightGBMAdapter":
        """Load the booster.

        Raises:
            InvalidInput: the file is no model in LightGBM's text format, or the columns do not fit.
        """
        del allowed
        body = read(text(spec, "model"), "model")
        if not body.startswith(b"tree\n"):
            raise InvalidInput(
                f"{spec['model']!r} is no LightGBM model in text; save it by Booster.save_model. Pickles are not read"
            )
        import lightgbm

        encoding = Encoding.of(spec, schema)
        try:
            booster = lightgbm.Booster(model_str=body.decode())
            width = booster.num_feature()
        except (lightgbm.basic.LightGBMError, ValueError, KeyError) as error:
            raise InvalidInput(f"{spec['model']!r} is no LightGBM model: {str(error)[:300]}") from error
        if width != len(encoding.columns):
            raise InvalidInput(f'the model reads {width} columns, and {len(encoding.columns)} are given: set "columns"')
        return cls(booster, encoding, schema.task)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of its columns."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the booster's outputs, [n] or [n, classes]."""
        matrix = self._encoding.matrix(columns)
        return checked(self._booster.predict(matrix, num_threads=1), len(matrix), self._task)

    def trees(self) -> Trees:
        """Return the booster, for methods that read it."""
        return Trees(self._booster, self._encoding.matrix, self._encoding.columns)
