"""Put the two halves of an exchange together: what was asked and what was answered, one inference a row."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from monitor.collectors import Half
from monitor.errors import InvalidInput
from monitor.types import OUTPUT, Inference, Scalar, Task

WIDEST_MATRIX = 64
"""A matrix of at most this many columns is that many features, ``name-0``, ``name-1`` …; a wider one is one list."""


def pair(
    request: Half,
    response: Half,
    *,
    task: Task | None = None,
    version: str | None = None,
    time: datetime | None = None,
    latency_ms: float | None = None,
    status: str | None = None,
    id_column: str = "id",
) -> list[Inference]:
    """Return one inference per row of an exchange.

    Of the response, float tensors are scores: [n] and [n, 1] one number a row, [n, k] k of them. Texts, integers and
    booleans are the prediction. For a regression the float tensor is the prediction. Of several of a sort the first is
    taken; the others are kept beside the features, as ``output.NAME``.

    A server that answers many rows by one flat list, or flattens what it was asked, is understood: see `aligned`.

    Ids are the values of the input ``id_column`` where there is one (it is no feature then), else ``{id}:{row}`` with
    the request's id or else the response's or else what the two halves share; without any they are None, and the
    receiver makes them.

    Args:
        request: what was asked.
        response: what was answered.
        task: what the model predicts; unknown reads as a classification.
        version: the version that answered; else as the response, the request or "1" say, with what no version's name
            may hold replaced by hyphens (1/0 is 1-0).
        time: when it was asked; else as the request or the response says.
        latency_ms: how long the answer took, in milliseconds.
        status: how it ended, such as "200".
        id_column: the input whose values are the rows' ids, if there is such an input.

    Raises:
        InvalidInput: the halves differ in rows.
    """
    response = aligned(request, _flat(response))
    if request.rows != response.rows:
        raise InvalidInput(
            f"pair: {request.rows:,} rows were asked and {response.rows:,} answered; they must be as many"
        )
    predictions, scores, others = _answers(response, task)
    shared = {
        "version": version or _version(response.version or request.version or "1"),
        "time": time or request.time or response.time,
        "latency_ms": latency_ms,
        "batch_size": request.rows,
        "status": status,
    }
    return [
        Inference(id=name, features=features, prediction=prediction, scores=score, **shared)  # type: ignore[arg-type]
        for name, features, prediction, score in zip(
            _ids(request, response, id_column), _features(request, id_column, others), predictions, scores, strict=True
        )
    ]


def is_probe(half: Half) -> bool:
    """Tell whether a request was asked by Watchglass itself, to explain; such traffic is never captured.

    >>> is_probe(Half(side="request", rows=0, columns={}, parameters={"watchglass_probe": True}))
    True
    """
    return half.parameters.get("watchglass_probe") in (True, "true", 1)


def task_of(headers: Mapping[str, str], name: str) -> Task | None:
    """Return the task that the header ``watchglass-task`` names.

    Raises:
        InvalidInput: it is not one of `Task`.
    """
    said = headers.get("watchglass-task")
    try:
        return Task(said) if said is not None else None
    except ValueError:
        raise InvalidInput(f"{name}: watchglass-task is {said!r:.80}; allowed: {', '.join(Task)}") from None


def is_nested(value: object) -> bool:
    """Whether a row's value is an array of several dimensions: such a one is never made into columns.

    >>> is_nested([[1, 2], [3, 4]]), is_nested([1, 2])
    (True, False)
    """
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


def _flat(response: Half) -> Half:
    """Return a response whose arrays are flat: they are scores, whatever their shape."""
    if not any(is_nested(value) for values in response.columns.values() for value in values):
        return response
    columns = {name: [_flattened(value) for value in values] for name, values in response.columns.items()}
    return replace(response, columns=columns)


def _flattened(value: Any) -> Any:
    while is_nested(value):
        value = [item for part in value for item in part]
    return value


def aligned(request: Half, response: Half) -> Half:
    """Return the response with as many rows as the request, where only the way of writing them differs.

    Some servers answer n rows by one list of n values, which alone reads as one row; TorchServe's envelope of the V2
    protocol answers n rows of k values by one flat tensor that has the input's name.

    >>> request = Half(side="request", rows=2, columns={"x": [1.0, 2.0]})
    >>> aligned(request, Half(side="response", rows=1, columns={"output": [[0.25, 0.75]]})).columns
    {'output': [0.25, 0.75]}
    """
    rows, columns = request.rows, response.columns
    if response.rows == rows or rows < 2 or not columns:
        return response
    name, values = next(iter(columns.items()))
    if response.rows == 1:
        if len(columns) == rows and name.endswith("-0"):
            return replace(response, rows=rows, columns={name[:-2]: [items[0] for items in columns.values()]})
        if len(columns) == 1 and isinstance(values[0], list) and len(values[0]) == rows:
            return replace(response, rows=rows, columns={name: list(values[0])})
    elif len(columns) == 1 and name in request.columns and response.rows % rows == 0:
        numbers = [value for value in values if isinstance(value, int | float)]
        width = response.rows // rows
        if len(numbers) == response.rows:
            cut = [[_float(number) for number in numbers[at : at + width]] for at in range(0, len(numbers), width)]
            return replace(response, rows=rows, columns={name: list(cut)})
    return response


def _version(said: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", said).lstrip(".")[:64]


def _ids(request: Half, response: Half, id_column: str) -> list[str | None]:
    if id_column in request.columns:
        return [None if value is None else str(value) for value in request.columns[id_column]]
    base = request.id or response.id or request.exchange or response.exchange
    return [f"{base}:{row}" if base else None for row in range(request.rows)]


def _features(
    request: Half, id_column: str, others: Mapping[str, list[Scalar | list[float]]]
) -> Iterator[Mapping[str, object]]:
    columns: dict[str, list[Scalar] | list[Scalar | list[float]]] = {}
    for name, values in {**request.columns, **others}.items():
        if name == id_column:
            continue
        matrix = [value for value in values if isinstance(value, list) and not is_nested(value)]
        # Rows of different lengths are sequences, however short.
        if (
            matrix
            and len(matrix) == len(values)
            and len(matrix[0]) <= WIDEST_MATRIX
            and len(set(map(len, matrix))) == 1
        ):
            for place, column in enumerate(zip(*matrix, strict=True)):
                columns[f"{name}-{place}"] = list(column)
        else:
            columns[name] = values
    if not columns:
        return iter([{}] * request.rows)
    names = tuple(columns)
    return (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _answers(
    response: Half, task: Task | None
) -> tuple[list[Scalar], list[tuple[float, ...] | None], dict[str, list[Scalar | list[float]]]]:
    """Return predictions, scores, and what is neither because another column was before it."""
    predictions: list[Scalar] | None = None
    scores: list[tuple[float, ...] | None] | None = None
    others: dict[str, list[Scalar | list[float]]] = {}
    for name, values in response.columns.items():
        kinds = set(map(type, values)) - {type(None)}
        floats = kinds and kinds <= {float, int, list} and kinds != {int}
        if floats and not (task is Task.REGRESSION and list not in kinds):
            if scores is None:
                scores = [_scores(value) for value in values]
                continue
        elif predictions is None:
            predictions = [None if isinstance(value, list) else value for value in values]
            continue
        others[f"{OUTPUT}{name}"] = values
    return predictions or [None] * response.rows, scores or [None] * response.rows, others


def _scores(value: Scalar | list[float]) -> tuple[float, ...] | None:
    if isinstance(value, list):
        return tuple(value)
    return (_float(value),) if isinstance(value, int | float) else None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond any float; as 1e400 it is infinite
        return math.inf if value > 0 else -math.inf
