"""What served models are asked, and what they answer, in four dialects: pure functions of columns and bytes.

* ``v2``: Open Inference Protocol, JSON. One tensor [n, 1] a feature: numeric as FP64, integer as INT64, boolean as
  BOOL, everything else as BYTES (timestamps in ISO 8601); images, embeddings and sequences as FP64 [n, …]. Null is JSON
  null.
* ``v2_binary``: the same with tensors as raw bytes behind the JSON; a tensor with nulls stays in the JSON.
* ``v1``: ``{"instances": [{feature: value}]}`` and ``{"predictions": […]}`` (TensorFlow Serving, KServe).
* ``torchserve``: a JSON list of such objects, or one object where requests have one row, and a list of answers.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from monitor.types import Feature, Kind, ModelSchema

Matrix = npt.NDArray[np.float64]

BINARY_HEADER = "inference-header-content-length"
"""Says how much of a V2 body is JSON; the tensors follow."""

DATATYPES = {Kind.INTEGER: "INT64", Kind.BOOLEAN: "BOOL"}
_ARRAYS = (Kind.IMAGE, Kind.EMBEDDING, Kind.SEQUENCE)
_DTYPES = {
    "FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT64": "<i8", "INT32": "<i4", "INT8": "i1", "UINT8": "u1",
    "BOOL": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """How a model wants to be asked: the schema, what numbers are sent as (FP64, FP32), which output is explained."""

    schema: ModelSchema
    numeric: str = "FP64"
    output: str | None = None


Ask = Callable[[Mapping[str, Column], Wish], tuple[bytes, dict[str, str]]]
"""Columns → a request's body and headers."""

Read = Callable[[bytes, Mapping[str, str], Wish], Matrix]
"""A response's body and headers → outputs [n] or [n, classes]. Raises ValueError, TypeError, KeyError or IndexError."""


def wire(value: object, kind: Kind) -> object:
    """Return one value of a column as JSON carries it.

    >>> wire(3.0, Kind.INTEGER), wire(float("nan"), Kind.NUMERIC), wire(0.0, Kind.TIMESTAMP), wire([float("nan")], "")
    (3, None, '1970-01-01T00:00:00+00:00', [None])
    """
    if isinstance(value, list):
        return [wire(item, kind) for item in value]
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return None  # JSON knows neither NaN nor infinity
    if kind is Kind.INTEGER:
        return round(value)
    if kind is Kind.BOOLEAN:
        return bool(value)
    if kind is Kind.TIMESTAMP:
        return datetime.fromtimestamp(value, UTC).isoformat()
    return value


def _tensor(feature: Feature, column: Column, numeric: str) -> dict[str, Any]:
    data = [wire(value, feature.kind) for value in column.tolist()]
    shape = list(np.shape(data[0])) if data and isinstance(data[0], list) else [1]
    array = feature.kind in _ARRAYS and isinstance(data[0], list)
    datatype = numeric if feature.kind is Kind.NUMERIC else "FP64" if array else DATATYPES.get(feature.kind, "BYTES")
    return {"name": feature.name, "shape": [len(data), *shape], "datatype": datatype, "data": data}


def ask_v2(columns: Mapping[str, Column], wish: Wish) -> tuple[bytes, dict[str, str]]:
    """Return a V2 request in JSON."""
    inputs = [_tensor(feature, columns[feature.name], wish.numeric) for feature in wish.schema.features]
    return _json({"inputs": inputs, "parameters": {"watchglass_probe": True}})


def ask_v2_binary(columns: Mapping[str, Column], wish: Wish) -> tuple[bytes, dict[str, str]]:
    """Return a V2 request whose tensors follow its JSON as bytes."""
    inputs, tail = [], []
    for feature in wish.schema.features:
        tensor = _tensor(feature, columns[feature.name], wish.numeric)
        raw = _raw(tensor)
        if raw is not None:
            del tensor["data"]
            tensor["parameters"] = {"binary_data_size": len(raw)}
            tail.append(raw)
        inputs.append(tensor)
    parameters = {"watchglass_probe": True, "binary_data_output": True}
    head, headers = _json({"inputs": inputs, "parameters": parameters})
    sizes = {BINARY_HEADER: str(len(head)), "content-type": "application/octet-stream"}
    return b"".join([head, *tail]), headers | sizes


def _raw(tensor: Mapping[str, Any]) -> bytes | None:
    values = np.array(tensor["data"], dtype=object).ravel().tolist()
    if any(value is None for value in values):
        return None
    if tensor["datatype"] == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return np.array(values, dtype=_DTYPES[tensor["datatype"]]).tobytes()


def ask_v1(columns: Mapping[str, Column], wish: Wish) -> tuple[bytes, dict[str, str]]:
    """Return a V1 request: an object for each row."""
    return _json({"instances": _objects(columns, wish.schema)})


def ask_torchserve(columns: Mapping[str, Column], wish: Wish) -> tuple[bytes, dict[str, str]]:
    """Return a list of objects, or the one object."""
    rows = _objects(columns, wish.schema)
    return _json(rows[0] if len(rows) == 1 else rows)


def _objects(columns: Mapping[str, Column], schema: ModelSchema) -> list[dict[str, object]]:
    names = [feature.name for feature in schema.features]
    values = [[wire(value, each.kind) for value in columns[each.name].tolist()] for each in schema.features]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _json(document: object) -> tuple[bytes, dict[str, str]]:
    return json.dumps(document).encode(), {"content-type": "application/json", "accept": "application/json"}


def read_v2(body: bytes, headers: Mapping[str, str], wish: Wish) -> Matrix:
    """Return the explained output tensor of a V2 response, JSON or binary."""
    size = int(headers.get(BINARY_HEADER, len(body)))
    at = size
    for tensor in json.loads(body[:size])["outputs"]:
        length = (tensor.get("parameters") or {}).get("binary_data_size")
        raw = None if length is None else body[at : at + int(length)]
        at += int(length or 0)
        wanted = tensor["name"] == wish.output if wish.output else str(tensor["datatype"]).startswith("FP")
        if wanted:
            data = tensor["data"] if raw is None else np.frombuffer(raw, _DTYPES[tensor["datatype"]])
            return np.asarray(data, dtype=np.float64).reshape(tensor["shape"])
    raise KeyError(wish.output or "outputs")


def read_v1(body: bytes, headers: Mapping[str, str], wish: Wish) -> Matrix:
    """Return the predictions of a V1 response."""
    del headers
    return _numbers(json.loads(body)["predictions"], wish)


def read_torchserve(body: bytes, headers: Mapping[str, str], wish: Wish) -> Matrix:
    """Return the predictions of a TorchServe handler: numbers, lists of them, or scores by class."""
    del headers
    answer = json.loads(body)
    if isinstance(answer, Mapping) and "predictions" in answer:
        answer = answer["predictions"]
    return _numbers(answer if isinstance(answer, list) else [answer], wish)


def _numbers(answers: Sequence[Any], wish: Wish) -> Matrix:
    """Return answers by row as numbers; objects by the output's name, or by the names of the classes."""
    if answers and isinstance(answers[0], Mapping):
        if wish.output:
            answers = [answer[wish.output] for answer in answers]
        else:
            answers = [[answer[name] for name in wish.schema.classes] for answer in answers]
    return np.asarray(answers, dtype=np.float64)


DIALECTS: Mapping[str, tuple[str, Ask, Read]] = {
    "v2": ("V2 JSON", ask_v2, read_v2),
    "v2_binary": ("V2", ask_v2_binary, read_v2),
    "v1": ("V1 JSON", ask_v1, read_v1),
    "torchserve": ("JSON", ask_torchserve, read_torchserve),
}
"""Each dialect's name for people, how it is asked and how its answers are read."""
