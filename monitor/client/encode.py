"""Rows as JSON bytes, without losing NaN and infinities as most JSON writers do."""

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec


def encode(row: Mapping[str, object]) -> bytes:
    """Return one row as JSON; NaN and infinities as bare words, as Python's own writer has them.

    Raises:
        TypeError, ValueError, OverflowError: it holds something that JSON has no form for.

    >>> encode({"temp": float("nan"), "wind": None})
    b'{"temp": NaN, "wind": null}'
    """
    try:
        body = _encoder.encode(row)
    except UnicodeEncodeError:  # a lone surrogate: escaped, the server replaces and flags it
        return json.dumps(row, default=_plain).encode()
    # msgspec writes NaN as null, so only a row with a null in it can hide one.
    return json.dumps(row, default=_plain).encode() if b"null" in body and _has_non_finite(row) else body


def _plain(value: Any) -> Any:
    """Return a value of a foreign library as Python's own."""
    if hasattr(value, "tolist"):  # NumPy's and torch's scalars and arrays
        return value.tolist()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def _has_non_finite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(_has_non_finite, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_non_finite, value))
    return hasattr(value, "tolist") and _has_non_finite(value.tolist())
