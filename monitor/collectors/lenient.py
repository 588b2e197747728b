"""JSON into typed objects, with the bare NaN and Infinity that Python's own writer makes and others refuse."""

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
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError:
            # A real but rare dialect: only bodies that could be in it are read a second, slower time.
            if b"NaN" in body or b"Infinity" in body:
                return msgspec.convert(json.loads(body), kind)
            raise
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{name}: {error}; {allowed} is allowed") from None
