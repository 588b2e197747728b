"""Classes and labels as people name them: how a prediction or a truth is read in a model's terms."""

import math

import numpy as np

from monitor.schema.notes import text
from monitor.types import ModelSchema, Task


def class_of(value: object, schema: ModelSchema) -> str | None:
    """Return the class that ``value`` names, or None if it names none.

    A text is a class by itself. A whole number is the class of that text if there is one ("0", "1"), else the class
    at that place; True and False are the places 1 and 0. This is how servers answer with class indices.

    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=(), classes=("on time", "late"))
    >>> class_of(1, schema), class_of("late", schema), class_of(2, schema)
    ('late', 'late', None)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        return None
    if not isinstance(value, bool) and (not schema.classes or str(value) in schema.classes):
        return str(value)
    return schema.classes[value] if 0 <= value < len(schema.classes) else None


def label_of(value: object, schema: ModelSchema) -> str | float | None:
    """Return a truth in the model's terms: a class of the schema, or a finite number for regression.

    Returns:
        None where ``value`` is neither; the caller rejects such a label with a reason.

    >>> label_of(12, ModelSchema(model="m", task=Task.REGRESSION, features=()))
    12.0
    """
    if schema.task is not Task.REGRESSION:
        name = class_of(value, schema)
        return name if name is not None and (not schema.classes or name in schema.classes) else None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
