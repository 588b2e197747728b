"""A half of an exchange as bytes, to be kept until its other half comes, and as a digest, to know it again."""

import json
import zlib
from dataclasses import asdict
from hashlib import blake2b

from monitor.collectors import Half
from monitor.collectors.moment import moment

_EVENT = "ce-"
"""How parameters begin that are about the event, not about what was asked: a retry may carry them anew."""


def pack(half: Half) -> bytes:
    """Return a half as compressed JSON, which holds NaN, integers of any size and lone surrogates as they are.

    >>> half = Half(side="request", rows=1, columns={"x": [float("inf")], "n": [10**30]}, exchange="e")
    >>> unpack(pack(half)) == half
    True
    """
    time = None if half.time is None else half.time.isoformat()
    return zlib.compress(json.dumps(asdict(half) | {"time": time}).encode(), 1)


def unpack(body: bytes) -> Half:
    """Return the half that `pack` made these bytes of."""
    given = json.loads(zlib.decompress(body))
    return Half(**given | {"time": moment(given["time"])})


def digest(half: Half) -> int:
    """Return 64 bits that differ where the content does; when and by whom it was told is no content.

    >>> one = Half(side="request", rows=1, columns={"x": [1.5]}, parameters={"ce-time": "now"})
    >>> digest(one) == digest(Half(side="request", rows=1, columns={"x": [1.5]}))
    True
    """
    parameters = {name: value for name, value in half.parameters.items() if not name.startswith(_EVENT)}
    content = [half.side, half.rows, half.columns, half.id, half.model, half.version, parameters]
    return int.from_bytes(blake2b(json.dumps(content).encode(), digest_size=8).digest(), "little", signed=True)
