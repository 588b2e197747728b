"""Put the two halves of an exchange together: what was asked and what was answered, one inference a row."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from monitor.collectors import Half
from monitor.errors import InvalidInput
from monitor.types import Inference, Scalar, Task

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
    booleans are the prediction. For a regression the float tensor is the prediction. Several of a sort: the first.

    Ids are the values of the input ``id_column`` where there is one (it is no feature then), else ``{id}:{row}`` with
    the request's id or else the response's; without any they are None, and the receiver makes them.

    Args:
        request: what was asked.
        response: what was answered.
        task: what the model predicts; unknown reads as a classification.
        version: the version that answered; else as the response, the request or "1" say.
        time: when it was asked.
        latency_ms: how long the answer took, in milliseconds.
        status: how it ended, such as "200".
        id_column: the input whose values are the rows' ids, if there is such an input.

    Raises:
        InvalidInput: the halves differ in rows.
    """
    if request.rows != response.rows:
        raise InvalidInput(
            f"pair: {request.rows:,} rows were asked and {response.rows:,} answered; they must be as many"
        )
    predictions, scores = _answers(response, task)
    shared = {
        "version": version or response.version or request.version or "1",
        "time": time,
        "latency_ms": latency_ms,
        "batch_size": request.rows,
        "status": status,
    }
    return [
        Inference(id=name, features=features, prediction=prediction, scores=score, **shared)  # type: ignore[arg-type]
        for name, features, prediction, score in zip(
            _ids(request, response, id_column), _features(request, id_column), predictions, scores, strict=True
        )
    ]


def is_probe(half: Half) -> bool:
    """Tell whether a request was asked by Watchglass itself, to explain; such traffic is never captured.

    >>> is_probe(Half(side="request", rows=0, columns={}, parameters={"watchglass_probe": True}))
    True
    """
    return half.parameters.get("watchglass_probe") in (True, "true", 1)


def _ids(request: Half, response: Half, id_column: str) -> list[str | None]:
    if id_column in request.columns:
        return [None if value is None else str(value) for value in request.columns[id_column]]
    base = request.id or response.id
    return [f"{base}:{row}" if base else None for row in range(request.rows)]


def _features(request: Half, id_column: str) -> Iterator[Mapping[str, object]]:
    columns: dict[str, list[Scalar] | list[Scalar | list[float]]] = {}
    for name, values in request.columns.items():
        if name == id_column:
            continue
        first = values[0] if values else None
        if isinstance(first, list) and len(first) <= WIDEST_MATRIX:
            for place, column in enumerate(zip(*(value for value in values if isinstance(value, list)), strict=True)):
                columns[f"{name}-{place}"] = list(column)
        else:
            columns[name] = values
    if not columns:
        return iter([{}] * request.rows)
    names = tuple(columns)
    return (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _answers(response: Half, task: Task | None) -> tuple[list[Scalar], list[tuple[float, ...] | None]]:
    predictions: list[Scalar] | None = None
    scores: list[tuple[float, ...] | None] | None = None
    for values in response.columns.values():
        kind = next((type(value) for value in values if value is not None), type(None))
        if kind in (list, float) and not (kind is float and task is Task.REGRESSION):
            scores = scores or [_scores(value) for value in values]
        elif kind is not list:
            predictions = predictions or [value for value in values if not isinstance(value, list)]
    return predictions or [None] * response.rows, scores or [None] * response.rows


def _scores(value: Scalar | list[float]) -> tuple[float, ...] | None:
    if value is None:
        return None
    return tuple(value) if isinstance(value, list) else (float(value),)
