"""Classes and labels as people name them: how a prediction or a truth is read in a model's terms."""

import json
import math
from collections.abc import Mapping

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
    """Return a truth in the model's terms: a class, a finite number for regression, the grades of a ranking as JSON.

    Returns:
        None where ``value`` is neither; the caller rejects such a label with a reason.

    >>> label_of(12, ModelSchema(model="m", task=Task.REGRESSION, features=()))
    12.0
    """
    if schema.task is Task.RANKING:
        return grades_of(value)
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


MOST_GRADES, MOST_GRADE = 10_000, 1e9
"""Candidates that one label may grade, and the highest grade."""


def allowed_labels(schema: ModelSchema) -> str:
    """Say what a label may be.

    >>> allowed_labels(ModelSchema(model="m", task=Task.BINARY, features=(), classes=("0", "1")))
    'one of 0, 1'
    """
    if schema.task is Task.RANKING:
        return (
            f"a list of at most {MOST_GRADES:,} grades from 0 (null: not known) in the order of the candidates, or an "
            "object of grades by name,"
        )
    return "a finite number" if schema.task is Task.REGRESSION else f"one of {', '.join(schema.classes)}"


def grades_of(value: object) -> str | None:
    """Return the grades of a ranking's candidates as JSON, the same text for the same grades; None if they are none.

    Args:
        value: a list with a number from 0, or null, for each candidate; or an object of these by name; or either of
            them as JSON.

    >>> grades_of([1, 0.5, None]), grades_of({"b": True, "a": 0}), grades_of([-1])
    ('[1.0,0.5,null]', '{"a":0.0,"b":1.0}', None)
    """
    value = _plain(value)
    if not isinstance(value, Mapping | list | tuple) or not 0 < len(value) <= MOST_GRADES:
        return None
    read: dict[str, float | None] | list[float | None]
    try:
        if isinstance(value, Mapping):
            read = {text(str(name)): _grade(grade) for name, grade in value.items()}
        else:
            read = [_grade(grade) for grade in value]
    except (ValueError, OverflowError):
        return None
    return json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    """Return what JSON text or an array holds; None where text is no JSON, and anything else as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value.tolist() if isinstance(value, np.ndarray) else value


def _grade(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, int | float) or not 0 <= value <= MOST_GRADE:
        raise ValueError
    return float(value)


def ranking_of(value: object) -> str | None:
    """Return the names of a ranking's candidates as JSON; None if they are no names, or two are the same.

    >>> ranking_of(["a", 7]), ranking_of(["a", "a"]), ranking_of(0.5)
    ('["a","7"]', None, None)
    """
    value = _plain(value)
    if not isinstance(value, list | tuple) or not value:
        return None
    if not all(isinstance(name, str | int) and not isinstance(name, bool) for name in value):
        return None
    try:
        names = [text(str(name)) for name in value]
    except ValueError:  # a number of thousands of digits
        return None
    if len(set(names)) < len(names):
        return None
    return json.dumps(names, separators=(",", ":"), ensure_ascii=False)
