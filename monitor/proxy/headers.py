"""Requests and responses as they go over the next connection: what belongs to one hop stays behind (RFC 9110, 7.6.1).

All else is passed on as it came, in its order, repeated fields too.
"""

from collections.abc import Iterable, Sequence
from typing import Any

Header = tuple[bytes, bytes]

_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OWN_NAMES = (b"127.0.0.1", b"localhost", b"[::1]")


def request_head(scope: Any, authority: bytes) -> bytes:
    r"""Return request line and headers for the upstream, with the blank line.

    A host that only names this proxy becomes the upstream's; any other, such as a service's name behind an ingress, is
    passed on. ``Expect`` stays behind: the server in front has answered it. A body's framing is kept.

    Args:
        scope: ASGI's, with lower-case header names.
        authority: the upstream's host and port.

    >>> headers = [(b"host", b"localhost:9"), (b"connection", b"x-a, close"), (b"x-a", b"1"), (b"x-b", b"2")]
    >>> scope = {"method": "GET", "raw_path": b"/a", "query_string": b"b=1", "server": ("", 9), "headers": headers}
    >>> request_head(scope, b"model:1")
    b'GET /a?b=1 HTTP/1.1\r\nhost: model:1\r\nx-b: 2\r\n\r\n'
    """
    headers: Sequence[Header] = scope["headers"]
    local = _per_connection(headers)
    port = b":%d" % (scope.get("server") or ("", 0))[1]
    host = next((value for name, value in headers if name == b"host"), b"")
    if not host or host.removesuffix(port) in _OWN_NAMES or host in _OWN_NAMES:
        host = authority
    query = scope["query_string"]
    lines = [b"%s %s%s HTTP/1.1" % (scope["method"].encode(), scope["raw_path"], b"?" + query if query else b"")]
    lines.append(b"host: " + host)
    for name, value in headers:
        if name == b"transfer-encoding" or not (name in local or name in (b"host", b"expect")):
            lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"", b""])


def is_chunked(scope: Any) -> bool:
    """Tell whether a request's body comes in chunks instead of with its length."""
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def response_headers(headers: Sequence[Header], status: int) -> list[Header]:
    """Return a response's headers for the client, names in lower case.

    >>> response_headers([(b"Keep-Alive", b"timeout=5"), (b"X-A", b"1"), (b"Content-Length", b"7")], 304)
    [(b'x-a', b'1')]
    """
    local = _per_connection(headers)
    # The length in a 304 is that of a body which is not there: whoever frames messages by it waits in vain.
    left = local | {b"content-length"} if status == 304 else local
    return [(name.lower(), value) for name, value in headers if name.lower() not in left]


def _per_connection(headers: Iterable[Header]) -> frozenset[bytes]:
    """Return the names that hold for one connection only: HTTP's own, and those that ``Connection`` lists."""
    listed = [value for name, value in headers if name.lower() == b"connection"]
    if not listed:
        return _HOP
    # Content-Length is never per connection, whatever is said: without it the body's end would be lost.
    return _HOP | {name.strip().lower() for value in listed for name in value.split(b",")} - {b"content-length"}
