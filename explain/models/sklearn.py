"""A scikit-learn model or pipeline, saved by skops: a format without pickle that names every type it holds.

The specification of a version's artifact::

    {"adapter": "sklearn", "model": "/models/late.skops"}

Types that skops itself does not trust must be named by the administrator (``explain.sklearn_types``). A model that was
fitted to a table with names is asked with one: columns of numbers and of strings, null as NaN or None. Any other is
asked with a matrix (``columns`` and ``categories``: see :mod:`explain.encoding`).
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.encoding import Encoding
from explain.files import Specification, file_digest, identity, read, text
from explain.models import Allowed, ModelAdapter, Trees, checked, places
from monitor.errors import InvalidInput, Unavailable
from monitor.types import ModelSchema, Task

HARMLESS = ("numpy.dtype",)
"""Types that skops does not trust unasked, that pipelines hold, and that run nothing."""


class SklearnAdapter(ModelAdapter):
    """A scikit-learn estimator."""

    name = "sklearn"
    has_trees = True

    def __init__(self, estimator: Any, encoding: Encoding | None, schema: ModelSchema) -> None:
        self._estimator, self._encoding, self._schema = estimator, encoding, schema
        self._names = tuple(getattr(estimator, "feature_names_in_", ()))

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "SklearnAdapter":
        """Load the estimator.

        Raises:
            InvalidInput: the file is none of skops', holds types that nobody trusts, or its columns do not fit.
        """
        body = read(text(spec, "model"), "model")
        if not body.startswith(b"PK"):
            raise InvalidInput(
                f"{spec['model']!r} was not saved by skops.io.dump; pickles and joblib files are not read"
            )
        from skops.io import get_untrusted_types, loads

        try:
            trusted = {*allowed.types, *HARMLESS}
            strangers = sorted(set(get_untrusted_types(data=body)) - trusted)
            if strangers:
                raise InvalidInput(
                    f"{spec['model']!r} holds types that are not trusted: {', '.join(strangers)[:500]}; an "
                    "administrator may name them in explain.sklearn_types"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of another version of the library: the answers are checked instead
                estimator = loads(body, trusted=sorted(trusted))
        except InvalidInput:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {str(error)[:300]}"
            raise InvalidInput(f"{spec['model']!r} cannot be read by skops: {said}") from error
        if not callable(getattr(estimator, "predict", None)):
            raise InvalidInput(f"{spec['model']!r} holds a {type(estimator).__name__}, which predicts nothing")
        names = tuple(getattr(estimator, "feature_names_in_", ()))
        unknown = [name for name in names if schema.feature(name) is None]
        if unknown:
            raise InvalidInput(f"the model was fitted to columns that the schema lacks: {', '.join(unknown)[:300]}")
        return cls(estimator, None if names else Encoding.of(spec, schema), schema)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of its columns."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the estimator's outputs, [n] or [n, classes] in the schema's order."""
        rows = len(next(iter(columns.values())))
        given = self._given(columns)
        if self._schema.task is Task.REGRESSION:
            return checked(self._estimator.predict(given), rows, self._schema.task)
        if not callable(getattr(self._estimator, "predict_proba", None)):
            raise Unavailable(f"a {type(self._estimator).__name__} gives no probabilities, which are explained")
        answers = self._estimator.predict_proba(given)[:, places(self._schema.classes, self._estimator.classes_)]
        return checked(answers, rows, self._schema.task, self._schema.classes)

    def trees(self) -> Trees | None:
        """Return the estimator, for methods that read trees, unless it prepares its inputs first."""
        own = getattr(self._estimator, "estimators_", getattr(self._estimator, "tree_", None))
        if own is None or self._encoding is None:
            return None
        return Trees(self._estimator, self._encoding.matrix, self._encoding.columns)

    def _given(self, columns: Mapping[str, Column]) -> Any:
        if self._encoding is not None:
            return self._encoding.matrix(columns)
        import pandas as pd

        return pd.DataFrame({name: columns[name] for name in self._names})
