"""Bodies without a protocol: whatever a handler takes and gives, told by its media type and its first bytes.

Read are V1 and V2 bodies, other JSON, JSON lines, CSV, forms, text and, as base64, anything else.
"""

import base64
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from monitor.collectors import Half
from monitor.collectors.lenient import read_json
from monitor.collectors.multipart import form, parts
from monitor.collectors.pairing import WIDEST_MATRIX
from monitor.collectors.records import lines
from monitor.collectors.tabular import Columns, column, joined, named, of_columns, of_rows, text_of, text_of_bytes
from monitor.collectors.v1 import V1
from monitor.collectors.v2 import V2
from monitor.collectors.v2_binary import LENGTH
from monitor.errors import InvalidInput

Side = Literal["request", "response"]

_NAMES: Mapping[Side, str] = {"request": "input", "response": "output"}
_V1 = frozenset({"instances", "inputs", "examples", "predictions", "outputs", "results"})
_LINES = ("application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson")
_SIZE = re.compile(r"json-header-size=(\d{1,18})")
_MAX_FIELDS = 200_000
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_UNTOLD = ("", "application/octet-stream", "text/plain")
"""The media types that senders give where they know none."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_v1, _v2 = V1(), V2()


def read(body: bytes, headers: Mapping[str, str], side: Side, *, text: bool = True) -> Half:
    """Read one side of an exchange.

    JSON: a body of V1 or V2 is read as such; an array is the rows, but an array of plain values is one row; an object
    is one row with a column per key (or what it holds alone under ``data`` or ``body``); a plain value is one row. CSV
    gives a column per field, ``input-0`` … or named by ``watchglass-columns``; of a response, fields that are all
    fractions are one row's scores; very many numbers are one list a row. Forms give a column per field; a field of JSON
    is read as JSON, an object as a column per key, and alone as if it were the whole body. Text and other bytes are one
    value, ``data``.

    Args:
        body: the bytes; not compressed.
        headers: ``content-type`` (a hint; may be missing), ``watchglass-columns``, ``:path``; ``watchglass-rows`` for a
            request that is known to be so many rows: an object then holds a column per key, a value a row.
        side: whether it was asked or answered; V1 and V2 bodies must agree.
        text: whether what is neither JSON nor of a known media type may be text or bytes.

    Raises:
        InvalidInput: the body is not what its media type says, empty, or of the other side.

    >>> read(b"[0.25, 0.75]", {}, "response").columns
    {'output': [[0.25, 0.75]]}
    >>> read(b"5.1,a", {"content-type": "text/csv"}, "request").columns
    {'input-0': [5.1], 'input-1': ['a']}
    """
    if not body.strip():
        raise InvalidInput("the body is empty; a JSON document, CSV, a form or text is allowed")
    media, _, settings = headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    columns: Columns
    if (known := headers.get("watchglass-rows")) is not None:
        return _of_columns(body, known, headers)
    if media == "application/vnd.sagemaker-triton.binary+json":
        size = _SIZE.search(settings)
        return _protocol(_v2, body, {**headers, **({LENGTH: size[1]} if size else {})}, side)
    if media == "text/csv":
        columns = of_csv(body, side, header="header=present" in settings.replace(" ", ""))
    elif media in _LINES:
        rows = [read_json(line, object, name="line", allowed="JSON") for _, line in lines(body)]
        columns = of_rows([_unwrapped(row) for row in rows], _NAMES[side])
    elif media in _FORMS:
        fields, alone = _fields(media, body, headers["content-type"])
        if alone is not None:
            return read(alone, {**headers, "content-type": "application/json"}, side)
        columns = _form(fields)
    else:
        found = _json(body, must="json" in media or not text)
        if found is _NOT_JSON:
            columns = {"data": [_plain(body)]}
        elif isinstance(found, dict) and found.keys() & _V1:
            return _protocol(_v2 if b'"datatype"' in body else _v1, body, headers, side)
        elif text or isinstance(found, dict | list):
            columns = _of_json(found, _NAMES[side])
        else:
            raise InvalidInput(f"got JSON of {type(found).__name__}; an object or an array is allowed")
    if side == "request":
        columns = named(columns, headers)
    return Half(side=side, rows=len(next(iter(columns.values()), ())), columns=columns)


def of_csv(body: bytes, side: Side, *, header: bool = False) -> Columns:
    """Return the columns of CSV, each in its type: integers, else numbers, else text; an empty field is null.

    Raises:
        InvalidInput: it is not CSV, or its rows differ in fields.

    >>> of_csv(b"0.25,0.75", "response"), of_csv(b"1,0.75", "response")
    ({'output': [[0.25, 0.75]]}, {'output-0': [1], 'output-1': [0.75]})
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"the CSV cannot be read: {error}") from None
    names = rows.pop(0) if header and rows else None
    if len({len(row) for row in rows} | ({len(names)} if names else set())) > 1:
        raise InvalidInput("the rows of the CSV differ in fields; rows of one length are allowed")
    if rows and len(rows[0]) > _MAX_FIELDS:
        raise InvalidInput(f"the CSV has {len(rows[0]):,} fields a row; at most {_MAX_FIELDS:,} are allowed")
    fields = [_typed(list(field)) for field in zip(*rows, strict=True)]
    name = _NAMES[side]
    if names is not None:
        return joined({title: list(field)} for title, field in zip(names, fields or [[]] * len(names), strict=True))
    wide = len(fields) > WIDEST_MATRIX and all(type(value) in (int, float) for field in fields for value in field)
    if wide or (side == "response" and all(type(value) is float for field in fields for value in field)):
        return column(name, [list(row) for row in zip(*fields, strict=True)])
    return {f"{name}-{place}" if len(fields) > 1 else name: field for place, field in enumerate(fields)}


_NOT_JSON = object()


def _json(body: bytes, *, must: bool) -> object:
    try:
        return read_json(body, object, name="body", allowed="JSON")
    except InvalidInput:
        # A tensor's bytes may follow V2's JSON.
        if b'"binary_data_size"' in body:
            return {"inputs": None} if b'"inputs"' in body else {"outputs": None}
        if must:
            raise
        return _NOT_JSON


def _protocol(collector: V1 | V2, body: bytes, headers: Mapping[str, str], side: Side) -> Half:
    (half,) = collector.parse(body, headers)
    if not isinstance(half, Half) or half.side != side:
        raise InvalidInput(f"the body is not the {side} it should be; it has what the other side sends")
    return half


def _of_json(value: Any, name: str) -> Columns:
    if isinstance(value, dict) and "error" in value and len(value) == 1:
        raise InvalidInput(f"the server answered an error: {value['error']!s:.200}")
    value = _unwrapped(value)
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        return of_rows(value, name)
    return of_rows([value], name)


def _of_columns(body: bytes, rows: str, headers: Mapping[str, str]) -> Half:
    """Read a request whose number of rows its answer told: what is one row at first sight may be columns.

    Raises:
        InvalidInput: it is no object of columns of that length.
    """
    found = read_json(body, dict[str, list[Any]], name="body", allowed="an object of columns")
    if {str(len(values)) for values in found.values()} != {rows}:
        raise InvalidInput(f"the object's columns do not have the {rows} rows that were answered")
    columns = named(of_columns(found), headers)
    return Half(side="request", rows=int(rows), columns=columns)


def _unwrapped(value: Any) -> Any:
    for key in ("data", "body", "features"):
        if isinstance(value, dict) and value.keys() == {key} and isinstance(value[key], list):
            return value[key]
    return value


def _fields(media: str, body: bytes, content_type: str) -> tuple[list[tuple[str, Any]], bytes | None]:
    """Return a form's fields by name, and the bytes of the only one where that is a document of JSON."""
    if media != _FORMS[0]:
        return list(form(body)), None
    given = list(parts(body, content_type))
    fields = [(name, _part(kind, content)) for name, kind, content in given]
    alone = len(fields) == 1 and isinstance(fields[0][1], dict | list)
    return fields, given[0][2] if alone else None


def _part(media: str, content: bytes) -> Any:
    """Return what a part holds: JSON where it says so, or where it says nothing else and is an object or an array."""
    if media == "application/json" or media.endswith("+json"):
        return read_json(content, object, name="part", allowed="JSON")
    if media in _UNTOLD and content.lstrip()[:1] in (b"{", b"["):
        with suppress(InvalidInput):
            return read_json(content, object, name="part", allowed="JSON")
    return _plain(content)


def _form(fields: Sequence[tuple[str, Any]]) -> Columns:
    """Return a column per field; a field given as often as every other is as many rows, else the list of its values."""
    found: dict[str, list[Any]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    if len(set(map(len, found.values()))) > 1:
        found = {name: [values[0] if len(values) == 1 else text_of(values)] for name, values in found.items()}
    columns = {name: _of_field(name, values) for name, values in found.items()}
    times = Counter(title for part in columns.values() for title in part)
    # What two parts have is named by its part too.
    return joined(
        {title if times[title] == 1 else f"{name}.{title}": values}
        for name, part in columns.items()
        for title, values in part.items()
    )


def _of_field(name: str, values: list[Any]) -> Columns:
    return of_rows(values, name) if all(isinstance(value, dict) for value in values) else column(name, values)


def _plain(content: bytes) -> str:
    said = text_of_bytes(content)
    return base64.b64encode(content).decode() if _CONTROL.search(said) else said


def _typed(field: list[str]) -> list[Any]:
    for kind in (int, float):
        try:
            return [None if not value.strip() else _number(kind, value) for value in field]
        except ValueError:
            continue
    return [value or None for value in field]


def _number(kind: type[int] | type[float], value: str) -> float:
    # Python reads 1_000 as a number; nobody else does.
    if "_" in value:
        raise ValueError(value)
    return kind(value)
