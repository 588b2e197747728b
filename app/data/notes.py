"""What capture noted about one row: values of another type, columns nobody knew, an id that was not sent."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.data.names import column
from monitor.types import Model

NOTED = {
    "retyped": "{} came as another type",
    "missing": "{} was not sent",
    "new": "{} is not a column of the schema",
    "new_dropped": "{} more unknown columns were left out",
    "non_finite": "{} is not a finite number",
    "surrogate": "{} held characters that are no text",
    "unknown_class": "the answer is not a class of the schema",
    "no_id": "no id was sent, so a retry cannot be recognised",
    "bad_time": "the time could not be read; the time of arrival stands for it",
}
"""What capture notes about a row, in words; {} is the column, or a number."""


def aside(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that came in another type than the schema's, as they came."""
    retyped = {str(flag).partition(":")[2] for flag in given.get("_flags") or () if str(flag).startswith("retyped:")}
    kept = json.loads(given.get("_extra") or "{}")
    return {name: kept[name] for name in retyped if name in kept}


def noted(model: Model, flags: Sequence[object]) -> list[str]:
    """What capture noted about a row, in words."""
    said = []
    for flag in flags:
        what, _, name = str(flag).partition(":")
        title = column(model.schema, name).label if name else ""
        said.append(NOTED.get(what, what.replace("_", " ") + (": {}" if name else "")).replace("{}", title))
    return said
