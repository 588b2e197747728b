"""JSON into typed objects, also as Python's own writer makes it and others refuse: bare NaN, lone surrogates, 1e400.

msgspec reads nearly every body; the standard library gets a second look at what msgspec refuses.
"""

import json
from typing import TypeVar

import msgspec

from monitor.errors import InvalidInput

T = TypeVar("T")


def read_json(body: bytes, kind: type[T], *, name: str, allowed: str) -> T:
    """Return ``body`` as ``kind``.

    Args:
        body: one JSON document.
        kind: what it must be, as msgspec understands types.
        name: the format, for the message.
        allowed: what would have been right, for the message.

    Raises:
        InvalidInput: it is not JSON, nested too deep, or not of that kind; the message names the place.

    >>> read_json(b"[1.5, NaN, -Infinity]", list[float], name="x", allowed="numbers")
    [1.5, nan, -inf]
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return msgspec.convert(json.loads(body.decode("utf-8-sig")), kind)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{name}: {str(error)[:300]}; {allowed} is allowed") from None
