"""The binary tensor extension of the Open Inference Protocol v2: JSON, then the tensors' bytes in the JSON's order.

Little-endian; BOOL is a byte, BYTES are elements of a four-byte length and so many bytes. A tensor's
``binary_data_size`` says how many bytes are its. Where the JSON ends is said by the header
``Inference-Header-Content-Length``; without it (loggers lose it) the JSON itself tells.
(https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.)
"""

import base64
import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.errors import InvalidInput

LENGTH = "inference-header-content-length"

_BEGIN = re.compile("(?:\u00ef\u00bb\u00bf)?[ \\t\\r\\n]*")  # a byte order mark, and blanks
_DATATYPES = (
    *("BOOL", "FP16", "BF16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64"),
    *("UINT8", "UINT16", "UINT32", "UINT64"),
)
_CODES = dict(zip(_DATATYPES, "?eHfdbhiqBHIQ", strict=True))
"""The code of each datatype in `struct`; BF16 is read as its bits."""

_MAX_DIGITS = 18


def split(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    r"""Return a body's JSON and the bytes after it; no JSON for a raw tensor (a header length of 0).

    Raises:
        InvalidInput: the header is not a number, or says more bytes than there are.

    >>> split(b'{"inputs": []}\x00', {"inference-header-content-length": "14"})
    (b'{"inputs": []}', b'\x00')
    """
    said = headers.get(LENGTH)
    if said is None:
        if b'"binary_data_size"' not in body:
            return body, b""
        end = json_end(body)
        return body[:end], body[end:]
    if not (said.isascii() and said.isdigit() and len(said) <= _MAX_DIGITS):
        raise InvalidInput(f"v2: Inference-Header-Content-Length is {said[:20]!r}; a number of bytes is allowed")
    if int(said) > len(body):
        raise InvalidInput(f"v2: Inference-Header-Content-Length is {int(said):,} but the body has {len(body):,} bytes")
    return body[: int(said)], body[int(said) :]


def json_end(body: bytes) -> int:
    """Return where the JSON that ``body`` begins with ends.

    Raises:
        InvalidInput: it does not begin with JSON.

    >>> json_end(b'{"a": "}"}' + bytes([255, 0]))
    10
    """
    # In Latin-1 every byte is one character, so places in the text are places in the body.
    text = body.decode("latin-1")
    start = _BEGIN.match(text).end()  # type: ignore[union-attr] # it matches the empty text too
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)[1]
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"v2: {error}; JSON, and then the tensors it declares, are allowed") from None


@dataclass(slots=True)
class Tail:
    """The bytes after the JSON, taken tensor by tensor."""

    content: bytes
    taken: int = 0

    def take(self, size: object, datatype: str, shown: str) -> list[Any]:
        """Return the values of the next ``size`` bytes.

        Raises:
            InvalidInput: there are not so many, or they are not of ``datatype``.
        """
        left = len(self.content) - self.taken
        if type(size) is not int or not 0 <= size <= left:
            raise InvalidInput(f"{shown}: binary_data_size is {str(size)[:20]} but {left:,} bytes are left of the body")
        piece = self.content[self.taken : self.taken + size]
        self.taken += size
        return decode(piece, datatype, shown)

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            InvalidInput: bytes are left that no tensor declares.
        """
        if self.content[self.taken :].strip():
            left = len(self.content) - self.taken
            raise InvalidInput(f"v2: {left:,} bytes follow that no tensor declares by binary_data_size")


def decode(content: bytes, datatype: str, shown: str) -> list[Any]:
    r"""Return the values of a tensor's bytes; BYTES as text, or all as base64 if one is not UTF-8.

    Raises:
        InvalidInput: the bytes are not a whole number of values of ``datatype``.

    >>> decode(b"\x00\x3c\x00\xc0", "FP16", "x"), decode(b"\x80\x3f", "BF16", "x")
    ([1.0, -2.0], [1.0])
    """
    if datatype == "BYTES":
        return _texts(_elements(content, shown))
    code = _CODES.get(datatype)
    if code is None:
        raise InvalidInput(f"{shown}: datatype {datatype[:20]!r} has no binary form; {', '.join(_CODES)}, BYTES have")
    count, rest = divmod(len(content), struct.calcsize("<" + code))
    if rest:
        raise InvalidInput(f"{shown}: {len(content):,} bytes are not a whole number of {datatype} values")
    if datatype == "BF16":
        # The upper half of a 32-bit float; the lower half is zeros.
        wide = bytearray(2 * len(content))
        wide[2::4], wide[3::4] = content[0::2], content[1::2]
        content, code = bytes(wide), "f"
    return list(struct.unpack(f"<{count}{code}", content))


def raw_tensor(content: bytes, headers: Mapping[str, str]) -> tuple[str, list[int], str, list[Any]]:
    r"""Return name, shape, datatype and values of a body that is one tensor's bytes and nothing else.

    The header ``watchglass-tensor`` says what the body cannot: ``name DATATYPE size…``, the sizes being those of one
    row, as the model's configuration has them. A BYTES body is one element.

    Raises:
        InvalidInput: the header is missing or malformed, or the bytes are not a whole number of rows.

    >>> raw_tensor(b"\x01\x02\x03\x04", {"watchglass-tensor": "x UINT8 2"})
    ('x', [2, 2], 'UINT8', [1, 2, 3, 4])
    """
    said = headers.get("watchglass-tensor", "").split()
    name, datatype, *sizes = said if len(said) > 1 else ("", "")
    if not name or not all(size.isascii() and size.isdigit() and len(size) < _MAX_DIGITS for size in sizes):
        raise InvalidInput("v2: a raw tensor (header length 0) needs the header watchglass-tensor: NAME DATATYPE SIZE…")
    shown = f"v2: tensor {name[:80]!r}"
    if datatype == "BYTES":
        return name, [1], datatype, _texts([content])
    values = decode(content, datatype, shown)
    shape = [int(size) for size in sizes]
    width = math.prod(shape)
    if width == 0 or len(values) % width:
        raise InvalidInput(f"{shown}: {len(values):,} values are not whole rows of {width:,}")
    return name, [len(values) // width, *shape], datatype, values


def _elements(content: bytes, shown: str) -> list[bytes]:
    out: list[bytes] = []
    place = 0
    while place < len(content):
        start = place + 4
        end = start + int.from_bytes(content[place:start], "little")
        if end > len(content):
            raise InvalidInput(f"{shown}: the BYTES element {len(out):,} is longer than what is left of the tensor")
        out.append(content[start:end])
        place = end
    return out


def _texts(elements: Sequence[bytes]) -> list[str]:
    try:
        return [element.decode() for element in elements]
    except UnicodeDecodeError:
        return [base64.b64encode(element).decode() for element in elements]
