"""Recordings of model servers, and what they say in tensors: read by numpy and json alone, none of our collectors.

A recording is ``NAME.meta.json`` (``url``, ``method``, ``request_headers``, ``status``, ``response_headers``) beside
``NAME.request.json|bin`` and ``NAME.response.json|bin``.
"""

import base64
import gzip
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tests.benchmarks.servers_forms import is_text, multipart, text

INFERENCE = re.compile(
    r"/v2/models/[^/]+(/versions/[^/]+)?/infer/?|/v1/models/[^/]+:(predict|classify|regress)|/predictions/.+"
)
"""Paths of inferences; others that are posted to and answered are inferences of a server without a protocol."""
_ADMIN = re.compile(
    r"/(v2/(repository|models/[^/]+/(load|unload|config|stats))|models|metrics|ping|healthz?|livez|readyz)(/.*)?"
)
_TYPES = {"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"} | {
    f"{sign}INT{8 * size}": f"<{'u' if sign else 'i'}{size}" for sign in ("", "U") for size in (1, 2, 4, 8)
}


@dataclass(frozen=True)
class Tensor:
    """One tensor by rows: each row's values in row-major order."""

    name: str
    rows: list[list[Any]]
    deep: bool = False
    """Whether a row has several dimensions, as a picture has; its values are in row-major order all the same."""

    @property
    def floats(self) -> bool:
        """Whether it holds fractions, which are scores; everything else is the answer itself."""
        return any(isinstance(value, float) for row in self.rows for value in row)


@dataclass(frozen=True)
class Recording:
    """One exchange as it was on the wire."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def inference(self) -> bool:
        """Whether a model was asked, and answered."""
        path = self.path.partition("?")[0]
        return self.method == "POST" and 200 <= self.status < 300 and not _ADMIN.fullmatch(path)

    @property
    def spoken(self) -> bool:
        """Whether the path alone tells that it is an inference."""
        return INFERENCE.search(self.path.partition("?")[0]) is not None


def load(folder: Path) -> list[Recording]:
    """Return the recordings of a folder, by name."""
    return [_load(meta) for meta in sorted(folder.rglob("*.meta.json"))]


def _load(meta: Path) -> Recording:
    told = json.loads(meta.read_text())
    base = meta.name.removesuffix(".meta.json")
    bodies = {}
    for side in ("request", "response"):
        found = [meta.parent / f"{base}.{side}.{kind}" for kind in ("bin", "json", "txt")]
        bodies[side] = next((file.read_bytes() for file in found if file.exists()), b"")
    headers = {
        key.lower(): str(value) for key, value in (told.get("request_headers") or told.get("headers") or {}).items()
    }
    answered = {key.lower(): str(value) for key, value in (told.get("response_headers") or {}).items()}
    asked = [meta.parent / f"{base}.request.{kind}" for kind in ("bin", "json", "txt")]
    method = told.get("method") or ("POST" if any(file.stat().st_size for file in asked if file.exists()) else "GET")
    parts = urlsplit(told["url"])
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Recording(
        base, method.upper(), path, headers, bodies["request"], int(told["status"]), answered, bodies["response"]
    )


def asked(recording: Recording, metadata: dict[str, Any]) -> list[Tensor]:
    """Return the tensors of the request; ``metadata`` by model says what a raw tensor is."""
    body = _plain(recording.body, recording.headers)
    if recording.headers.get("inference-header-content-length") == "0":
        return [_raw(body, metadata)]
    return _tensors(body, recording.headers, recording.path, "input", answered=False)


def exchange(recording: Recording, metadata: dict[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the tensors of both sides; an object of columns is as many rows as were answered."""
    inputs, outputs = asked(recording, metadata), answered(recording)
    rows = {len(tensor.rows) for tensor in outputs}
    if rows != {1} and {len(tensor.rows) for tensor in inputs} == {1} and len(rows) == 1:
        try:
            found = json.loads(_plain(recording.body, recording.headers))
        except ValueError:
            return inputs, outputs
        if isinstance(found, dict) and {len(one) if isinstance(one, list) else -1 for one in found.values()} == rows:
            return [_column(name, values) for name, values in found.items()], outputs
    return inputs, outputs


def answered(recording: Recording) -> list[Tensor]:
    """Return the tensors of the response."""
    body = _plain(recording.answer, recording.answer_headers)
    return _tensors(body, recording.answer_headers, recording.path, "output", answered=True)


def _plain(body: bytes, headers: dict[str, str]) -> bytes:
    if body[:2] == b"\x1f\x8b":
        return gzip.decompress(body)
    return zlib.decompress(body) if headers.get("content-encoding") == "deflate" else body


def _tensors(body: bytes, headers: dict[str, str], path: str, name: str, *, answered: bool) -> list[Tensor]:
    if "/v2/models/" in path and "/infer" in path:
        return _v2(body, headers, "outputs" if answered else "inputs")
    if headers.get("content-type", "").startswith("multipart/form-data"):
        fields, alone = multipart(body, headers["content-type"])
        parts = [Tensor(title, [_flat(value) for value in values]) for title, values in fields.items()]
        return parts if alone is None else _tensors(alone, {}, path, name, answered=answered)
    return _document(body, headers, name, answered=answered)


def _document(body: bytes, headers: dict[str, str], name: str, *, answered: bool) -> list[Tensor]:
    try:
        found = json.loads(body)
    except ValueError:
        return [Tensor("data", [[text(body)]])]
    if isinstance(found, dict):
        if "datatype" in str(found.get("inputs", found.get("outputs", ""))):
            return _v2(body, headers, "outputs" if answered else "inputs")
        for key in ("instances", "predictions", "inputs", "outputs", "examples", "results", "result"):
            if key in found:
                return _v1(found, key, name)
        if found.keys() in ({"data"}, {"body"}) and isinstance(next(iter(found.values())), list):
            found = next(iter(found.values()))
    if isinstance(found, list) and any(isinstance(one, list | dict) for one in found):
        return _rows(found, name)
    if isinstance(found, dict):
        matrices = all(isinstance(v, list) and v and all(isinstance(one, list) for one in v) for v in found.values())
        if matrices and len({len(v) for v in found.values()}) == 1:
            return [_column(key, rows) for key, rows in found.items()]
    return _rows([found], name)


def _v2(body: bytes, headers: dict[str, str], key: str) -> list[Tensor]:
    length = headers.get("inference-header-content-length")
    if length is not None:
        head, tail = json.loads(body[: int(length)]), body[int(length) :]
    else:
        text = body.decode("latin-1")
        begin = len(text) - len(text.lstrip())
        _, end = json.JSONDecoder().raw_decode(text, begin)
        head, tail = json.loads(body[:end]), body[end:]
    found = []
    for tensor in head[key]:
        size = (tensor.get("parameters") or {}).get("binary_data_size")
        if size is None:
            values = _flat(tensor["data"])
            if tensor["datatype"].startswith("FP") or tensor["datatype"] == "BF16":
                values = [None if value is None else float(value) for value in values]
            elif tensor["datatype"] == "BOOL":
                values = [bool(value) for value in values]
        else:
            values, tail = _binary(tail[:size], tensor["datatype"]), tail[size:]
        found.append((tensor["name"], tensor["shape"], values))
    counts = {shape[0] if shape else 1 for _, shape, _ in found}
    several = counts - {1}
    out = []
    for name, shape, values in found:
        rows = (shape[0] if shape else 1) if len(several) < 2 else 1
        width = len(values) // max(rows, 1)
        cut = [values[at * width : (at + 1) * width] for at in range(rows)]
        deep = sum(size != 1 for size in (shape[1:] if rows > 1 or shape[:1] == [1] else shape)) > 1
        out.append(Tensor(name, cut * max(several) if len(several) == 1 and rows == 1 else cut, deep))
    return out


def _binary(content: bytes, datatype: str) -> list[Any]:
    if datatype == "BYTES":
        elements, at = [], 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 4], "little")
            elements.append(content[at + 4 : at + 4 + size])
            at += 4 + size
        texts = [text(element) for element in elements]
        whole = all(is_text(element) for element in elements)
        return texts if whole else [base64.b64encode(element).decode() for element in elements]
    if datatype == "BF16":
        bits = np.frombuffer(content, "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).astype(float).tolist()
    values = np.frombuffer(content, _TYPES[datatype])
    return (values.astype(float) if datatype.startswith("FP") else values).tolist()


def _raw(content: bytes, metadata: dict[str, Any]) -> Tensor:
    (described,) = metadata["inputs"]
    sizes = [size for size in described["shape"] if size > 0]
    values = _binary(content, described["datatype"]) if described["datatype"] != "BYTES" else [text(content)]
    width = int(np.prod(sizes)) if sizes else 1
    return Tensor(described["name"], [values[at : at + width] for at in range(0, len(values), width)])


def _v1(found: dict[str, Any], key: str, name: str) -> list[Tensor]:
    values = found[key]
    if key in ("results", "result") and values and isinstance(values[0], list):
        best = [max(row, key=lambda pair: pair[1])[0] for row in values]
        scores = Tensor("output", [[pair[1] for pair in row] for row in values])
        return [Tensor("label", [[label] for label in best]), scores] if any(best) else [scores]
    if isinstance(values, dict) and values.keys() != {"b64"}:
        counts = {len(rows) for rows in values.values() if isinstance(rows, list)}
        if len(counts) > 1:
            return [_column(one, [rows]) for one, rows in values.items()]
        rows = next(iter(counts), 1)
        return [_column(one, held if isinstance(held, list) else [held] * rows) for one, held in values.items()]
    rows = values if isinstance(values, list) else [values]
    context = found.get("context", {})
    return _rows([context | row for row in rows] if context else rows, name)


def _rows(rows: list[Any], name: str) -> list[Tensor]:
    if rows and all(isinstance(row, dict) and row.keys() != {"b64"} for row in rows):
        names = list(dict.fromkeys(key for row in rows for key in row))
        return [_column(key, [row.get(key) for row in rows]) for key in names]
    return [_column(name, rows)]


def _column(name: str, values: list[Any]) -> Tensor:
    return Tensor(name, [_flat(value) for value in values], any(_dimensions(value) > 1 for value in values))


def _dimensions(value: Any) -> int:
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        value = value[0] if value else None
    return sum(size != 1 for size in sizes)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return [text(base64.b64decode(value["b64"]))]
    if isinstance(value, list):
        return [one for inner in value for one in _flat(inner)]
    return [value]
