"""TensorFlow Serving's REST API and KServe's V1 protocol: predict, classify and regress.

A predict request has ``instances`` (rows; the answer has ``predictions``) or ``inputs`` (columns; the answer has
``outputs``); classify and regress have ``examples`` and ``results``. A tensor that is alone goes unnamed, bytes are
``{"b64": …}``, and floats may be bare NaN and Infinity.
(https://github.com/tensorflow/serving, tensorflow_serving/g3doc/api_rest.md.)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from monitor.collectors import Collector, Half
from monitor.collectors.address import model_of, request_id
from monitor.collectors.lenient import read_json
from monitor.collectors.tabular import Columns, check_filled, column, joined, named, of_columns, of_rows, repeated
from monitor.errors import InvalidInput
from monitor.types import Inference, Label


class V1(Collector):
    """Requests and responses of TensorFlow Serving and KServe V1.

    An unnamed tensor of a request is ``input``, of a response ``output``; a class list of classify is ``label`` (the
    likeliest) and ``output`` (the scores). Headers: ``:path`` for model and version; ``x-request-id`` for the id;
    ``watchglass-columns`` to name the columns of an unnamed matrix in a request.
    """

    name = "v1"

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one body; gives exactly one `Half`.

        Raises:
            InvalidInput: not JSON of this API, an error the server answered, or columns that differ in rows.

        >>> half, = V1().parse(b'{"instances": [{"x": 1.5, "y": "a"}, {"x": NaN, "y": "b"}]}', {})
        >>> half.side, half.rows, half.columns
        ('request', 2, {'x': [1.5, nan], 'y': ['a', 'b']})
        """
        allowed = f"a JSON object with one of {', '.join(_READ)}"
        read = read_json(body, dict[str, Any], name="v1", allowed=allowed)
        found = [key for key in _READ if key in read]
        if len(found) != 1:
            got = (
                f"an error of the server: {read['error']!s:.200}"
                if "error" in read
                else f"{', '.join(found) or 'none'}"
            )
            raise InvalidInput(f"v1: got {got}; {allowed} is allowed")
        side, columns_of = _READ[found[0]]
        try:
            columns = columns_of(read[found[0]], read)
            if side == "request":
                columns = named(columns, headers)
        except InvalidInput as error:
            raise InvalidInput(f"v1: {found[0]}: {error}") from None
        model, version = model_of(headers)
        yield Half(
            side="request" if side == "request" else "response",
            rows=len(next(iter(columns.values()), ())),
            columns=columns,
            id=request_id(headers),
            model=model,
            version=version,
            parameters={"signature_name": read["signature_name"]} if "signature_name" in read else {},
        )


def _rows(values: Any, name: str) -> Columns:
    if not isinstance(values, list):
        raise InvalidInput(f"got {type(values).__name__}; an array of rows is allowed")
    if values and all(isinstance(value, dict) and {"name", "datatype", "shape"} <= value.keys() for value in values):
        raise InvalidInput("got tensors of the V2 protocol; read them as v2")
    return of_rows(values, name)


def _either(values: Any, name: str) -> Columns:
    """Read columns: named tensors, or the rows of a single one."""
    if isinstance(values, dict) and values.keys() != {"b64"}:
        return of_columns(values)
    return _rows(values if isinstance(values, list) else [values], name)


def _examples(values: Any, document: Mapping[str, Any]) -> Columns:
    """Read the features of classify and regress; those of the context hold for every example."""
    context = document.get("context", {})
    if (
        not isinstance(values, list)
        or not all(isinstance(row, dict) for row in values)
        or not isinstance(context, dict)
    ):
        raise InvalidInput("an array of objects, and an object as context, are allowed")
    check_filled(len(values), len(context), sum(map(len, values)) + len(context))
    named_in_rows = {key for row in values for key in row}
    # A feature of a row goes before the context's.
    own = of_rows([{key: context[key] for key in context.keys() & named_in_rows} | row for row in values], "input")
    shared = (repeated(key, value, len(values)) for key, value in context.items() if key not in named_in_rows)
    return joined([own if named_in_rows else {}, *shared])


def _results(values: Any, _document: Mapping[str, Any]) -> Columns:
    """Read the answers of regress, a number a row, or of classify, a list of pairs of label and score a row."""
    if not isinstance(values, list):
        raise InvalidInput(f"got {type(values).__name__}; an array of rows is allowed")
    if not values or not all(isinstance(row, list) for row in values):
        return of_rows(values, "output")
    if not all(_is_class(pair) for row in values for pair in row):
        raise InvalidInput("numbers (regress) or lists of [label, score] (classify) are allowed")
    likeliest = [
        max(row, key=lambda pair: (pair[1] == pair[1], pair[1]))[0] if row else None for row in values
    ]  # NaN is never likeliest
    scores = column("output", [[pair[1] for pair in row] for row in values])
    return joined([{"label": likeliest}, scores] if any(likeliest) else [scores])


def _is_class(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], int | float)
        and not isinstance(pair[1], bool)
    )


_READ: dict[str, tuple[str, Callable[[Any, Mapping[str, Any]], Columns]]] = {
    "instances": ("request", lambda values, _: _rows(values, "input")),
    "inputs": ("request", lambda values, _: _either(values, "input")),
    "examples": ("request", _examples),
    "predictions": ("response", lambda values, _: _either(values, "output")),
    "outputs": ("response", lambda values, _: _either(values, "output")),
    "results": ("response", _results),
    "result": ("response", _results),
}
