"""Open Inference Protocol v2, as Triton, KServe, MLServer and OpenVINO speak it over HTTP, in JSON and in binary.

A request is ``{id?, parameters?, inputs: [tensor]}``, a response ``{model_name, model_version?, id?, outputs:
[tensor]}``; a tensor is ``{name, shape, datatype, data}`` with its data flat or nested in row-major order and its first
dimension the rows; what follows the JSON in binary is read by `v2_binary`.
(https://github.com/kserve/open-inference-protocol, "Inference Request JSON Object".)
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.address import model_of, request_id
from monitor.collectors.lenient import read_json
from monitor.collectors.pairing import WIDEST_MATRIX
from monitor.collectors.tabular import Columns, flatten, from_base64, joined, named, text_of
from monitor.collectors.v2_binary import Tail, raw_tensor, split
from monitor.errors import InvalidInput
from monitor.types import Inference, Label

_INTEGERS = {
    f"{sign}INT{bits}": (0 if sign else -(2 ** (bits - 1)), 2**bits if sign else 2 ** (bits - 1))
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_MAX_SIZES = 16
_TYPES = (*_FLOATS, *_INTEGERS, "BOOL", "BYTES")


class Tensor(msgspec.Struct):
    """One tensor as it is written in JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] | None = None


class Body(msgspec.Struct):
    """A request or a response; which one is told by ``inputs`` or ``outputs``."""

    id: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[Tensor] | None = None
    outputs: list[Any] | None = None
    error: Any = None


class V2(Collector):
    """Requests and responses of the Open Inference Protocol v2, in JSON and with binary tensors.

    Headers: ``inference-header-content-length`` where it is known; ``watchglass-tensor`` (``NAME DATATYPE SIZE…``)
    for a body that is one raw tensor; ``:path`` for model and version; ``x-request-id`` for the id where
    the body has none; ``watchglass-columns`` to name a matrix's columns in a request.
    """

    name = "v2"

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one body; gives exactly one `Half`.

        Columns are tensors by name: one number, text or boolean a row for shapes [n] and [n, 1]; a list of numbers a
        row for wider tensors, nested where a row has several dimensions. Whether such a list is many columns or one is
        for `pairing` to say. Wider tensors of texts and booleans are columns ``name-0``, ``name-1`` …

        >>> body = b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2.5]}]}'
        >>> half, = V2().parse(body, {})
        >>> half.side, half.rows, half.columns
        ('request', 2, {'x': [1.0, 2.5]})
        """
        head, rest = split(body, headers)
        if not head and rest:
            name, shape, datatype, data = raw_tensor(rest, headers)
            read, tail = Body(inputs=[Tensor(name, shape, datatype, data)]), Tail(b"")
        else:
            read, tail = read_json(head, Body, name="v2", allowed="a JSON object with inputs or outputs"), Tail(rest)
        # A request may list the outputs it wants; a response has no inputs.
        asked = read.inputs is not None
        parts = [columns_of(tensor, tail) for tensor in (_outputs(read) if read.inputs is None else read.inputs)]
        tail.finish()
        try:
            columns = joined(parts)
            columns = named(columns, headers) if asked else columns
        except InvalidInput as error:
            raise InvalidInput(f"v2: {error}") from None
        counts = {name: len(values) for name, values in columns.items()}
        if len(set(counts.values())) > 1:
            raise InvalidInput(f"v2: tensors differ in rows: {dict(list(counts.items())[:5])}; all must have as many")
        model, version = model_of(headers)
        yield Half(
            side="request" if asked else "response",
            rows=next(iter(counts.values()), 0),
            columns=columns,
            id=read.id or request_id(headers),
            model=read.model_name or model,
            version=read.model_version or version,
            parameters=read.parameters or {},
        )


def _outputs(read: Body) -> list[Tensor]:
    if read.outputs is None and read.error is not None:
        raise InvalidInput(f"v2: the server answered an error: {read.error!s:.200}")
    if read.outputs is None:
        raise InvalidInput("v2: the object has neither inputs (a request) nor outputs (a response)")
    try:
        return msgspec.convert(read.outputs, list[Tensor])
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise InvalidInput(f"v2: outputs: {error}") from None


def columns_of(tensor: Tensor, tail: Tail) -> Columns:
    """Return one value a row; lists where a row holds more than one number.

    Raises:
        InvalidInput: the tensor contradicts its shape or type, or has no data.
    """
    shown = f"v2: tensor {tensor.name[:80]!r}"
    if tensor.datatype not in _TYPES:
        raise InvalidInput(f"{shown}: datatype {tensor.datatype[:20]!r}; allowed: {', '.join(_TYPES)}")
    if len(tensor.shape) > _MAX_SIZES or not all(0 <= size < 2**63 for size in tensor.shape):
        got = str(tensor.shape[:8])[:80]
        raise InvalidInput(f"{shown}: shape {got}; at most {_MAX_SIZES} sizes of 0 or more are allowed")
    flat = _data(tensor, tail, shown)
    # The data is counted before anything is made of the shape: [1e9, 1e9] allocates nothing.
    if math.prod(tensor.shape) != len(flat):
        raise InvalidInput(
            f"{shown}: shape {tensor.shape[:8]} needs {math.prod(tensor.shape):,} values, got {len(flat):,}"
        )
    flat = _typed(flat, tensor.datatype, shown)
    if tensor.datatype == "BYTES" and (tensor.parameters or {}).get("content_type") == "base64":
        for text in flat:
            _check_base64(text, shown)
    rows = tensor.shape[0] if tensor.shape else 1
    width = len(flat) // rows if rows else 1
    if width == 1:
        return {tensor.name: flat}
    if tensor.datatype not in ("BYTES", "BOOL"):
        parts = [flat[start : start + width] for start in range(0, len(flat), width)] if width else []
        return {tensor.name: [_shaped(part, tensor.shape[1:]) for part in parts]}
    if width <= WIDEST_MATRIX:
        return {f"{tensor.name}-{place}": flat[place::width] for place in range(width)}
    return {tensor.name: [text_of(flat[start : start + width]) for start in range(0, len(flat), width)]}


def _shaped(flat: list[Any], sizes: Sequence[int]) -> list[Any]:
    """Return a row's numbers nested as its shape says, or flat where they are one line of few numbers."""
    line = sum(size != 1 for size in sizes) < 2 and len(flat) <= WIDEST_MATRIX
    nested = flat
    for size in () if line else reversed(sizes[1:]):
        nested = [nested[at : at + size] for at in range(0, len(nested), size)]
    return nested


def _data(tensor: Tensor, tail: Tail, shown: str) -> list[Any]:
    """Return a tensor's values in row-major order, from its JSON or from behind it."""
    size = (tensor.parameters or {}).get("binary_data_size")
    if size is not None:
        return tail.take(size, tensor.datatype, shown)
    if tensor.data is None:
        raise InvalidInput(f"{shown}: no data; tensors in shared memory are not read, send JSON or binary data")
    flat = flatten(tensor.data if isinstance(tensor.data, list) else [tensor.data])
    if flat is None:
        raise InvalidInput(f"{shown}: ragged data, or nested too deep; rows of one length are allowed")
    return flat


def _check_base64(text: object, shown: str) -> None:
    try:
        from_base64(text)
    except InvalidInput as error:
        raise InvalidInput(f"{shown}: content_type is base64 but {error}") from None


def _typed(flat: list[Any], datatype: str, shown: str) -> list[Any]:
    """Return the values in the Python type of ``datatype``; null stays null."""
    types = set(map(type, flat)) - {type(None)}
    if datatype in _FLOATS:
        if types <= {float}:
            return flat
        if types <= {float, int}:
            try:
                return [None if value is None else float(value) for value in flat]
            except OverflowError:
                raise InvalidInput(f"{shown}: a number too large for {datatype}") from None
    elif datatype == "BOOL":
        if types <= {bool}:
            return flat
        if types <= {int, bool} and set(flat) <= {0, 1, None}:
            return [None if value is None else bool(value) for value in flat]
    elif datatype == "BYTES":
        if types <= {str}:
            return flat
    elif types <= {int}:
        low, high = _INTEGERS[datatype]
        if all(low <= value < high for value in flat if value is not None):
            return flat
        raise InvalidInput(f"{shown}: a value outside {datatype} ({low} to {high - 1})")
    names = ", ".join(sorted(kind.__name__ for kind in types))
    raise InvalidInput(f"{shown}: {datatype} cannot hold {names}")
