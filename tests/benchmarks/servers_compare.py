"""Compare what was sent to and answered by a server with the rows that are stored, value by value."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.servers_wire import Tensor

EXPLODED = 64
"""A matrix of at most so many columns is stored as that many features, a wider one as one list."""


def schema_of(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[str, Any]:
    """Return the schema of a model that takes and gives these tensors, so that every value has a column of its type."""
    if len({len(tensor.rows) for tensor in [*inputs, *outputs]}) > 1:
        inputs, outputs = _one_row(inputs), _one_row(outputs)
    features = []
    for tensor in inputs:
        if tensor.name == "id":
            continue
        for name, values in columns(tensor).items():
            features.append({"name": name, "kind": _kind(values)})
    scores = next((tensor for tensor in outputs if tensor.floats), None)
    words = next((tensor for tensor in outputs if not tensor.floats), None)
    width = max((len(row) for row in scores.rows), default=0) if scores is not None else 0
    if words is None and width == 1:
        return {"task": "regression", "features": features}
    given = [row[0] for row in words.rows if row] if words is not None else []
    if given and all(type(value) is int and 0 <= value < 1_000 for value in given):
        classes = [str(place) for place in range(max(*given, 1) + 1)]
    elif given:
        classes = sorted({str(value) for value in given} | {"-", "--"})
    else:
        classes = [f"c{place}" for place in range(max(width, 2))]
    return {"task": "multiclass", "classes": classes, "features": features}


def columns(tensor: Tensor) -> dict[str, list[Any]]:
    """Return the columns a tensor becomes, with one value a row."""
    widths = {len(row) for row in tensor.rows}
    if widths == {1}:
        return {tensor.name: [row[0] for row in tensor.rows]}
    if not tensor.deep and len(widths) == 1 and 0 < (width := widths.pop()) <= EXPLODED:
        return {f"{tensor.name}-{place}": [row[place] for row in tensor.rows] for place in range(width)}
    return {tensor.name: [list(row) for row in tensor.rows]}


def differing(inputs: Sequence[Tensor], outputs: Sequence[Tensor], stored: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what differs between tensors and stored rows, in words; nothing if every value is equal.

    Rows are in the order of the tensors' rows. An answer is the first tensor of fractions (the scores, or for a
    regression the number) and the first tensor of anything else (the prediction); further ones are kept beside it.
    """
    rows = rows_of(inputs, outputs)
    if rows != len(stored):
        return [f"{rows} rows on the wire, {len(stored)} stored"]
    if any(len(tensor.rows) != rows for tensor in [*inputs, *outputs]):
        inputs, outputs = _one_row(inputs), _one_row(outputs)
    wrong = []
    for place, row in enumerate(stored):
        held = dict(row["extra"] or {}) | {name: value for name, value in row["features"].items() if value is not None}
        for tensor in inputs:
            if tensor.name == "id":
                continue
            for name, values in columns(tensor).items():
                if not same(values[place], held.get(name)):
                    wrong.append(f"row {place}: {name} is {held.get(name)!r:.60}, on the wire {values[place]!r:.60}")
        wrong += [f"row {place}: {one}" for one in _answers(outputs, place, row, held)]
    return wrong


def rows_of(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """Return how many rows an exchange is: those its sides agree on, else one."""
    counts = {len(tensor.rows) for tensor in [*inputs, *outputs]}
    return counts.pop() if len(counts) == 1 else 1


def _answers(outputs: Sequence[Tensor], place: int, row: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    scores = next((tensor for tensor in outputs if tensor.floats), None)
    words = next((tensor for tensor in outputs if not tensor.floats), None)
    wrong = []
    if scores is not None:
        stored = row["scores"] if row["scores"] is not None else [row["prediction"]]
        if not same(scores.rows[place], stored):
            wrong.append(f"scores are {stored!r:.60}, on the wire {scores.rows[place]!r:.60}")
    if words is not None and len(words.rows[place]) == 1:
        stored = row["prediction"] if "_prediction" not in held else held["_prediction"]
        if not same(words.rows[place][0], stored) and str(words.rows[place][0]) != str(stored):
            wrong.append(f"the prediction is {stored!r:.60}, on the wire {words.rows[place][0]!r:.60}")
    for tensor in outputs:
        if tensor in (scores, words):
            continue
        for name, values in columns(tensor).items():
            if not same(values[place], held.get(f"output.{name}")):
                wrong.append(f"output.{name} is {held.get(f'output.{name}')!r:.60}, on the wire {values[place]!r:.60}")
    return wrong


def same(sent: Any, stored: Any) -> bool:
    """Tell whether two values are equal; a value that is no number is stored as missing, or as its name."""
    if isinstance(sent, list) and isinstance(stored, list):
        while any(isinstance(one, list) for one in stored):
            stored = [inner for one in stored for inner in (one if isinstance(one, list) else [one])]
        return len(sent) == len(stored) and all(map(same, sent, stored))
    if isinstance(sent, list):
        return len(sent) == 1 and same(sent[0], stored)
    if isinstance(sent, float) and not math.isfinite(sent):
        return stored is None or str(stored).lower() in ("nan", "inf", "-inf") or stored == sent
    if isinstance(sent, bool) or isinstance(stored, bool):
        return sent is stored
    if isinstance(sent, int | float) and isinstance(stored, int | float):
        return float(sent) == float(stored)
    return bool(sent == stored) or (sent is not None and str(sent) == stored)


def _one_row(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors of an exchange without common rows: all of each is one row, as a list."""
    flat = [[[value for row in tensor.rows for value in row]] for tensor in tensors]
    return [Tensor(tensor.name, rows, deep=True) for tensor, rows in zip(tensors, flat, strict=True)]


def _kind(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if any(isinstance(value, list) for value in known):
        return "sequence"
    if all(isinstance(value, bool) for value in known):
        return "boolean"
    if all(type(value) is int for value in known):
        return "integer"
    return "numeric" if all(isinstance(value, int | float) for value in known) else "text"
