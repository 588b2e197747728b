"""What LIME on words and LIME on segments share: one feature is taken apart, and its parts are hidden at random."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Explainer, Predict
from explain.explainers.lime_tabular import Matrix, only
from explain.models import ModelAdapter
from monitor.types import Feature, Kind, ModelSchema, Part, Scalar


class LimeOfParts(Explainer):
    """LIME for models of one text or image, its ``kind``."""

    additive: ClassVar[bool] = False
    alone: ClassVar[bool] = True
    preference: ClassVar[int] = -2
    kind: ClassVar[Kind]

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why not: the model reads something else than one of its kind."""
        del kind
        return only(schema, cls.kind)

    def taken(self, schema: ModelSchema) -> Feature:
        """Return the feature that is taken apart."""
        return next(each for each in schema.features if each.kind is self.kind)


def answers(predict: Predict, row: Mapping[str, Column], name: str, values: Column) -> Matrix:
    """Return what the model answers to a row with other values of one feature, [n, 1] as the library reads it."""
    columns = {each: np.repeat(column, len(values), axis=0) for each, column in row.items()}
    return predict({**columns, name: values})[:, None]


def of_parts(
    found: Any,
    schema: ModelSchema,
    feature: Feature,
    prediction: float,
    parts: Sequence[Part],
    quality: Mapping[str, Scalar],
) -> Attribution:
    """Return what a local model says of the parts of one feature.

    Args:
        found: the library's explanation of label 0.
        schema: which features there are.
        feature: which one was taken apart.
        prediction: the model's answer to the row.
        parts: what each part weighs.
        quality: what is told beside the local model's fit and how far it is from the answer.
    """
    local = number(found.local_pred)
    return Attribution(
        base_value=number(found.intercept),
        prediction=prediction,
        attributions={each.name: 0.0 for each in schema.features}
        | {feature.name: float(sum(part.amount for part in parts))},
        quality={
            "r2": number(found.score),
            "local_prediction": local,
            "local_gap": abs(local - prediction),
            **quality,
        },
        parts=tuple(parts),
    )


def number(found: Any) -> float:
    """Return the one number that the library wraps in dictionaries by label, or in arrays."""
    return float(np.ravel(found[0] if isinstance(found, dict) else found)[0])
