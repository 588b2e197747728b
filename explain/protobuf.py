"""Whether an ONNX file keeps its weights in other files, found without reading it by a library that would open them.

The format's own rules (onnx.proto): a tensor whose ``data_location`` is EXTERNAL, or that names ``external_data``, has
its numbers in a file whose path the model chooses. Only the fields that lead to tensors are followed.
"""

from collections.abc import Iterator

_PATHS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 6: "graph", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 60


def external(body: bytes) -> bool:
    """Tell whether any tensor of an ONNX model is in another file.

    Raises:
        ValueError: the bytes are no protocol buffer, or one nested absurdly deep.

    >>> external(b"")
    False
    """
    return _external(memoryview(body), "model", 0)


def _external(view: memoryview, what: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    for number, value in _fields(view):
        if what == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)):
            return True
        inner = _PATHS[what].get(number)
        if inner is not None and isinstance(value, memoryview) and _external(value, inner, depth + 1):
            return True
    return False


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield every field of a message: its number, and its whole number or its bytes."""
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(view, at)
            yield number, value
        elif wire in (1, 5, 2):
            if wire == 2:
                size, at = _varint(view, at)
            else:
                size = 8 if wire == 1 else 4
            if at + size > len(view):
                raise ValueError("cut short")
            yield number, view[at : at + size]
            at += size
        else:
            raise ValueError(f"a field of the unknown type {wire}")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(view) and shift < 70:
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
    raise ValueError("cut short")
