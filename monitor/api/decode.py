"""JSON as strict as capture needs it and as forgiving as Python clients need it.

msgspec reads well-formed JSON; what it refuses is read once more by the standard library, which takes the bare ``NaN``
and ``Infinity`` that ``json.dumps`` writes. Both stand behind the same limits: depth, number length, unique keys.
"""

import json
import re
from collections.abc import Iterable

import msgspec

from monitor.api.problem import Problem

MAX_DEPTH = 64
MAX_KEYS = 10_000
"""The most keys of one object: a row has no more columns than that."""

_BOM = b"\xef\xbb\xbf"
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"\\'))
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_decoder = msgspec.json.Decoder()


def decode_json(body: bytes, *, surrogates: bool = False) -> object:
    """Read one JSON document.

    Numbers outside a float's range become infinite, which is flagged later, instead of refusing the rows beside them.
    Lone surrogates, which no store can write, become U+FFFD; with ``surrogates`` only those of keys do, and those of
    values stay for whoever flags them.

    >>> decode_json(b'{"id": "a", "p": NaN}')
    {'id': 'a', 'p': nan}

    Raises:
        Problem: 400 the body is not JSON, is nested deeper than `MAX_DEPTH`, or an object names a key twice; 413 an
            object has more than `MAX_KEYS` keys.
    """
    body = body.removeprefix(_BOM)
    if too_deep(body):
        raise Problem(400, f"The JSON is nested more than {MAX_DEPTH} deep.")
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _decode_slowly(body, surrogates)
    # Every key outside a string ends in a quote and a colon, so a count that differs from the keys kept tells of a
    # duplicate (or of spaces before a colon): only then the slow parser looks.
    return value if body.count(b'":') == _keys(value) else _decode_slowly(body, surrogates)


def too_deep(body: bytes) -> bool:
    """Tell whether brackets outside strings nest deeper than `MAX_DEPTH`, without parsing and in bounded memory.

    >>> too_deep(b"[" * 65 + b"]" * 65), too_deep(b"[" * 64 + b"]" * 64), too_deep(b'["' + b"[" * 99 + b'"]')
    (True, False, False)
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    shape = body.translate(_BRACKETS, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in shape or b"\\" in shape:  # strings that hold brackets, quotes or escapes: cut strings out first
        shape = _STRING.sub(b"", body).translate(_BRACKETS, _NOT_STRUCTURE)
    for _ in range(MAX_DEPTH):
        if not shape:
            return False
        shape = shape.replace(b"[]", b"")  # takes away the innermost level, all over
    return bool(shape)


def _keys(value: object) -> int:
    """Count the keys of all objects inside ``value``."""
    if isinstance(value, dict):
        _check_size(len(value))
        return len(value) + sum(_keys(item) for item in value.values() if isinstance(item, dict | list))
    if isinstance(value, list):
        return sum(_keys(item) for item in value if isinstance(item, dict | list))
    return 0


def _check_size(keys: int) -> None:
    if keys > MAX_KEYS:
        raise Problem(413, f"An object has {keys:,} keys; at most {MAX_KEYS:,} are read.")


def _decode_slowly(body: bytes, surrogates: bool) -> object:
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise Problem(400, f"The body is not UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise Problem(400, f"The JSON is nested more than {MAX_DEPTH} deep.") from None
    except ValueError as error:  # json.JSONDecodeError, or an integer of thousands of digits
        raise Problem(400, f"The body is not JSON: {error}.") from None
    return _scrub(value, surrogates)


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    pairs = list(pairs)
    _check_size(len(pairs))
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise Problem(400, f"An object names the key {key[:80]!r} twice; keys must be unique.")
        found[key] = value
    return found


def scrub(text: str) -> str:
    """Replace lone surrogates.

    >>> scrub(chr(0xD800) + "a") == chr(0xFFFD) + "a"
    True
    """
    return _SURROGATE.sub("\ufffd", text)


def _scrub(value: object, surrogates: bool) -> object:
    if isinstance(value, str):
        return value if surrogates else scrub(value)
    if isinstance(value, list):
        return [_scrub(item, surrogates) for item in value]
    if isinstance(value, dict):
        return _unique((scrub(key), _scrub(item, surrogates)) for key, item in value.items())
    return value
