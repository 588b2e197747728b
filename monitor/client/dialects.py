"""How model servers are asked over HTTP: which paths are inferences, and which collectors read their bodies.

This is the one table that everything capturing whole exchanges goes by: the middleware and the proxy.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.collectors import Collector, Half
from monitor.collectors.inflate import LIMIT, inflated
from monitor.collectors.torchserve import TorchServe
from monitor.collectors.v1 import V1
from monitor.collectors.v2 import V2
from monitor.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API of model servers: how its inferences are asked, and what reads the bodies (the first that can)."""

    name: str
    path: re.Pattern[str]
    methods: frozenset[str]
    request: tuple[Collector, ...]
    response: tuple[Collector, ...]

    def read(self, side: Literal["request", "response"], body: bytes, headers: Mapping[str, str]) -> Half:
        """Read one side of an exchange, as it was on the wire.

        Args:
            side: which one.
            body: its bytes, compressed or not.
            headers: by lower-case name; with ``:path`` for a request and ``:status`` for a response.

        Raises:
            InvalidInput: the body is not of this dialect.

        >>> V2_DIALECT.read("request", b'{"inputs": []}', {}).side
        'request'
        """
        plain = decoded(body, headers, name=self.name)
        collectors = self.request if side == "request" else self.response
        for place, collector in enumerate(collectors, 1):
            try:
                (half,) = collector.parse(plain, headers)
            except InvalidInput:
                if place == len(collectors):
                    raise
                continue
            if isinstance(half, Half) and half.side == side:
                return half
        raise InvalidInput(f"{self.name}: the body is not the {side} it should be; it has what the other side sends")


_POST = frozenset({"POST"})
_v1, _v2, _torchserve = V1(), V2(), TorchServe()

V2_DIALECT = Dialect(
    "v2",
    re.compile(r"(?:.*/)?v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer/?"),
    _POST,
    (_v2,),
    (_v2,),
)
V1_DIALECT = Dialect(
    "v1",
    re.compile(
        r"(?:.*/)?v1/models/(?P<model>[^/:]+)(?:/(?:versions|labels)/(?P<version>[^/:]+))?:(?:predict|classify|regress)"
    ),
    _POST,
    (_v1,),
    (_v1, _torchserve),  # TorchServe answers V1 requests with whatever its handler gives
)
TORCHSERVE_DIALECT = Dialect(
    "torchserve",
    # No prefix: many an application has predictions somewhere that are no model's.
    re.compile(r"/predictions/(?P<model>[^/]+)(?:/(?P<version>[^/]+))?/?"),
    frozenset({"POST", "PUT"}),  # curl -T puts
    (_torchserve,),
    (_torchserve,),
)
DIALECTS = (V2_DIALECT, V1_DIALECT, TORCHSERVE_DIALECT)

ANY_DIALECT = Dialect("any", re.compile(""), _POST, (_torchserve,), (_torchserve,))
"""For a path of one's own: bodies of V1 and V2 are told by what is in them, and others read as TorchServe's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model a request asks, in which dialect."""

    dialect: Dialect
    model: str
    version: str | None


def asked(method: str, path: str, only: str | None = None) -> Asked | None:
    """Return what a request asks of a model; None if it is no inference.

    Args:
        method: the request's method.
        path: its path, without a query, unquoted.
        only: the one path that is an inference, whatever it looks like; any of `DIALECTS` if not given.

    >>> found = asked("POST", "/v1/models/iris/versions/2:predict")
    >>> found.dialect.name, found.model, found.version
    ('v1', 'iris', '2')
    >>> asked("GET", "/v2/models/iris/infer") is asked("POST", "/v2/models/iris") is None
    True
    """
    if only is not None and path != only:
        return None
    for dialect in DIALECTS:
        if method in dialect.methods and (match := dialect.path.fullmatch(path)):
            return Asked(dialect, match["model"], match["version"])
    return Asked(ANY_DIALECT, "", None) if only is not None and method in ANY_DIALECT.methods else None


def decoded(body: bytes, headers: Mapping[str, str], *, name: str) -> bytes:
    """Return a body without its content coding: gzip, told by its first bytes, or deflate, told by the header.

    Raises:
        InvalidInput: the coding is another one, broken, or inflates beyond the allowed size.

    >>> decoded(zlib.compress(b"[]"), {"content-encoding": "deflate"}, name="x")
    b'[]'
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise InvalidInput(f"{name}: the content encoding is {coding[:40]!r}; gzip and deflate are read")
    return _undeflated(body, name) if coding == "deflate" else inflated(body, name=name)


def _undeflated(body: bytes, name: str) -> bytes:
    # Some send the raw stream without zlib's envelope, whose first byte has 8 in its lower half.
    wrapped = body[:1] and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    inflater = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    try:
        out = inflater.decompress(body, LIMIT + 1)
    except zlib.error as error:
        raise InvalidInput(f"{name}: the body is not the deflate it should be: {error}; send it whole") from None
    if len(out) > LIMIT or not inflater.eof:
        raise InvalidInput(f"{name}: the deflated body is cut short or inflates beyond {LIMIT:,} bytes; send less")
    return out
