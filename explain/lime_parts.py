"""What LIME on words and LIME on segments share: from the library's local model to the attributions of parts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explain.explainers import Attribution
from monitor.types import Feature, ModelSchema, Part, Scalar


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
