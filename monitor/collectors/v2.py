"""Open Inference Protocol v2 in JSON, as Triton, KServe, MLServer and OpenVINO speak it over HTTP.

A request is ``{id?, parameters?, inputs: [tensor]}``, a response ``{model_name, model_version?, id?, outputs:
[tensor]}``; a tensor is ``{name, shape, datatype, data}`` with its data flat or nested in row-major order and its first
dimension the rows. (https://github.com/kserve/open-inference-protocol, "Inference Request JSON Object".)
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.lenient import read_json
from monitor.errors import InvalidInput
from monitor.types import Inference, Label, Scalar

Values = list[Scalar | list[float]]

_INTEGERS = {
    f"{sign}INT{bits}": (0 if sign else -(2 ** (bits - 1)), 2**bits if sign else 2 ** (bits - 1))
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_TYPES = (*_FLOATS, *_INTEGERS, "BOOL", "BYTES")
_MAX_DEPTH = 16


class Tensor(msgspec.Struct):
    """One tensor as it is written in JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] | None = None


class Body(msgspec.Struct):
    """A request or a response; which one is told by ``inputs`` or ``outputs``."""

    id: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[Tensor] | None = None
    outputs: list[Any] | None = None


class V2(Collector):
    """Requests and responses of the Open Inference Protocol v2, in JSON."""

    name = "v2"

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one body; gives exactly one `Half`.

        Columns are tensors by name: one number, text or boolean a row for shapes [n] and [n, 1]; a list of numbers a
        row for wider tensors, flattened. Whether such a list is many columns or one is for `pairing` to say.

        Raises:
            InvalidInput: not JSON of this protocol, tensors in binary, or a tensor that contradicts its shape or type.

        >>> body = b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2.5]}]}'
        >>> half, = V2().parse(body, {})
        >>> half.side, half.rows, half.columns
        ('request', 2, {'x': [1.0, 2.5]})
        """
        if "inference-header-content-length" in headers:
            raise InvalidInput("v2: got tensors in binary; send JSON (without Inference-Header-Content-Length)")
        read = read_json(body, Body, name="v2", allowed="a JSON object with inputs or outputs")
        # A request may list the outputs it wants; a response has no inputs.
        tensors = read.inputs if read.inputs is not None else _outputs(read.outputs)
        columns: dict[str, Values] = {}
        for tensor in tensors:
            if tensor.name in columns:
                raise InvalidInput(f"v2: two tensors are named {tensor.name[:80]!r}; names must be unique")
            columns[tensor.name] = _values(tensor)
        counts = {name: len(values) for name, values in columns.items()}
        if len(set(counts.values())) > 1:
            raise InvalidInput(f"v2: tensors differ in rows: {dict(list(counts.items())[:5])}; all must have as many")
        yield Half(
            side="request" if read.inputs is not None else "response",
            rows=next(iter(counts.values()), 0),
            columns=columns,
            id=read.id,
            model=read.model_name,
            version=read.model_version,
            parameters=read.parameters or {},
        )


def _outputs(outputs: Sequence[object] | None) -> list[Tensor]:
    if outputs is None:
        raise InvalidInput("v2: the object has neither inputs (a request) nor outputs (a response)")
    try:
        return msgspec.convert(outputs, list[Tensor])
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise InvalidInput(f"v2: outputs: {error}") from None


def _values(tensor: Tensor) -> Values:
    """Return one value a row; lists where a row holds more than one number."""
    shown = f"v2: tensor {tensor.name[:80]!r}"
    if tensor.datatype not in _TYPES:
        raise InvalidInput(f"{shown}: datatype {tensor.datatype[:20]!r}; allowed: {', '.join(_TYPES)}")
    if any(size < 0 for size in tensor.shape):
        raise InvalidInput(f"{shown}: shape {tensor.shape[:8]}; sizes of 0 or more are allowed")
    if tensor.data is None:
        raise InvalidInput(f"{shown}: no data; binary and shared-memory tensors are not read, send JSON data")
    flat = _flat(tensor.data, shown)
    # The data is counted before anything is made of the shape: [1e9, 1e9] allocates nothing.
    if math.prod(tensor.shape) != len(flat):
        raise InvalidInput(
            f"{shown}: shape {tensor.shape[:8]} needs {math.prod(tensor.shape):,} values, got {len(flat):,}"
        )
    flat = _typed(flat, tensor.datatype, shown)
    rows = tensor.shape[0] if tensor.shape else 1
    width = len(flat) // rows if rows else 1
    if width == 1:
        return flat
    if tensor.datatype in ("BYTES", "BOOL"):
        raise InvalidInput(f"{shown}: {tensor.datatype} of {width} values a row; one value a row is allowed")
    return [flat[start : start + width] for start in range(0, len(flat), width)] if width else []


def _flat(data: list[Any], shown: str) -> list[Any]:
    """Return nested data in row-major order; lists within one level must be all lists, of one length."""
    for _ in range(_MAX_DEPTH):
        nested = [type(item) is list for item in data]
        if not any(nested):
            return data
        if not all(nested) or len(set(map(len, data))) > 1:
            raise InvalidInput(f"{shown}: ragged data; rows of one length are allowed")
        data = [item for inner in data for item in inner]
    raise InvalidInput(f"{shown}: data nested deeper than {_MAX_DEPTH} lists")


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
