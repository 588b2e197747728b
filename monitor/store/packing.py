"""A half of an exchange as bytes, to be kept until its other half comes, and as a digest, to know it again."""

import json
import zlib
from hashlib import blake2b

from monitor.collectors import Half
from monitor.collectors.moment import moment

_EVENT = "ce-"
"""How parameters begin that are about the event, not about what was asked: a retry may carry them anew."""


def pack(half: Half) -> tuple[bytes, int]:
    """Return a half as JSON, which holds NaN, integers of any size and lone surrogates as they are, and its digest.

    The digest is 64 bits that differ where the content does; when and by whom it was told is no content.

    >>> half = Half(side="request", rows=1, columns={"x": [float("inf")], "n": [10**30]}, exchange="e")
    >>> text, digest = pack(half)
    >>> unpack(text) == unpack(squeeze(text)) == half
    True
    >>> from dataclasses import replace
    >>> pack(replace(half, exchange="f", parameters={"ce-time": "now"}))[1] == digest
    True
    """
    columns = json.dumps(half.columns)  # by far the most of it: written once for both
    own = {name: value for name, value in half.parameters.items() if not name.startswith(_EVENT)}
    rest = json.dumps([half.id, half.model, half.version, own])
    content = f'["{half.side}", {half.rows}, {columns}, {rest[1:]}'
    digest = int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "little", signed=True)
    others = {
        "side": half.side,
        "rows": half.rows,
        "id": half.id,
        "exchange": half.exchange,
        "model": half.model,
        "version": half.version,
        "time": None if half.time is None else half.time.isoformat(),
        "parameters": half.parameters,
    }
    return f'{{"columns": {columns}, {json.dumps(others)[1:]}'.encode(), digest


def squeeze(body: bytes) -> bytes:
    """Return what `pack` gives as it is kept in the store: compressed; what is so already stays as it is."""
    return zlib.compress(body, 1) if body.startswith(b"{") else body


def stretch(body: bytes) -> bytes:
    """Return what `squeeze` was given.

    >>> stretch(squeeze(b"{}")), stretch(b"{}")
    (b'{}', b'{}')
    """
    return body if body.startswith(b"{") else zlib.decompress(body)


def unpack(body: bytes) -> Half:
    """Return the half that these bytes were made of by `pack`, and perhaps `squeeze`."""
    given = json.loads(stretch(body))
    given["time"] = moment(given["time"])
    return Half(**given)
