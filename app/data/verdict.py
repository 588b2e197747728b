"""What a captured row was answered, what was true, and whether the answer was right: in words, for every task."""

from collections.abc import Mapping
from typing import Any

from app.data.names import score_unit
from app.data.ranked import ndcg, ranking
from monitor.charts import format as fmt
from monitor.types import Model, Task

FIRST_PLACES = 3
"""How many candidates of a ranking are named where there is room for one line."""


def answer(model: Model, given: Mapping[str, Any]) -> tuple[str, str]:
    """What the model answered, and how sure it was, in words."""
    unit = model.schema.target_unit
    if model.schema.task is Task.REGRESSION:
        return fmt.value(given.get("_prediction"), unit), ""
    sure = fmt.with_unit(given.get("_score"), score_unit(model.schema))
    if model.schema.task is Task.RANKING:
        return ", ".join(each.name for each in ranking(given)[:FIRST_PLACES]) or fmt.MISSING, sure
    return fmt.value(given.get("_prediction")), sure


def truth(model: Model, given: Mapping[str, Any]) -> str:
    """What was true, in words: of a ranking how many candidates were relevant."""
    if model.schema.task is Task.RANKING and given.get("_label") is not None:
        grades = [each.grade for each in ranking(given)]
        if any(grade is not None for grade in grades):
            return f"{sum(bool(grade) for grade in grades):,} of {len(grades):,} relevant"
    return fmt.value(given.get("_label"), model.schema.target_unit if model.schema.task is Task.REGRESSION else "")


def verdict(model: Model, given: Mapping[str, Any]) -> str:
    """Whether the label agrees with the answer, or that it has not come yet."""
    label, prediction = given.get("_label"), given.get("_prediction")
    if label is None:
        return "no label yet"
    if model.schema.task is Task.REGRESSION:
        return f"off by {fmt.value(float(prediction or 0) - float(label), model.schema.target_unit)}"
    if model.schema.task is Task.RANKING:
        good = ndcg(given, model.schema.cutoff)
        return "label does not fit" if good is None else f"nDCG@{model.schema.cutoff} {good:.2f}"
    return "right" if str(label) == str(prediction) else "wrong"
