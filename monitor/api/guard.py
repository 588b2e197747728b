"""Keep other web pages out of a server that trusts whoever reaches loopback.

A page on any site can make its visitor's browser send requests to 127.0.0.1: under a name of its own that now points
there (DNS rebinding), or plainly across origins. The first shows in ``Host``, the second in ``Origin``.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.api.problem import Problem, problem_response

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Guarded = Callable[[Scope, Receive, Send], Awaitable[None]]


def loopback_only(app: ASGIApp) -> Guarded:
    """Wrap ``app`` so that only requests addressed to loopback, from loopback pages or none, reach it."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        problem = _refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if problem is None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await problem_response(problem)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail})

    return guarded


def _refusal(scope: Scope) -> Problem | None:
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1")
    if not is_loopback(f"//{host}"):
        return Problem(421, f"Host {host!r} is not this machine; allowed: localhost, 127.0.0.1, [::1].")
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and not is_loopback(origin):
        return Problem(403, f"Origin {origin!r} may not use this server; only its own pages may.")
    return None


def is_loopback(address: str) -> bool:
    """Tell whether a URL's host is this machine's loopback, by its name alone.

    >>> is_loopback("//127.0.0.1:8080"), is_loopback("http://[::1]:1"), is_loopback("http://127.0.0.1.example.org")
    (True, True, False)
    """
    try:
        return urlsplit(address).hostname in _LOOPBACK
    except ValueError:
        return False
