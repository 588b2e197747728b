"""Keep other web pages out of a server that trusts whoever reaches loopback.

A page on any site can make its visitor's browser send requests to 127.0.0.1: under a name of its own that now points
there (DNS rebinding), or plainly across origins. The first shows in ``Host``, the second in ``Origin``.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.api.problem import Problem, problem_response

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Guarded = Callable[[Scope, Receive, Send], Awaitable[None]]


def guard(app: ASGIApp, base_url: str = "") -> Guarded:
    """Wrap ``app`` so that only requests addressed to this machine, from its own pages or none, reach it.

    Args:
        app: what is guarded.
        base_url: the address that people use, if it is another (an authenticating proxy in front); its host is
            as good as loopback.
    """
    names = LOOPBACK | ({urlsplit(base_url).hostname or "localhost"} if base_url else set())

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        problem = _refusal(scope, names) if scope["type"] in {"http", "websocket"} else None
        if problem is None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await problem_response(problem)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail})

    return guarded


def _refusal(scope: Scope, names: frozenset[str]) -> Problem | None:
    host = origin = ""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"origin":
            origin = value.decode("latin-1")
    if not is_named(f"//{host}", names):
        return Problem(421, f"Host {host!r} is not this server; allowed: {', '.join(sorted(names))} (see base_url).")
    if origin and not is_named(origin, names):
        return Problem(403, f"Origin {origin!r} may not use this server; only its own pages may.")
    return None


@lru_cache(maxsize=256)
def is_named(address: str, names: frozenset[str] = LOOPBACK) -> bool:
    """Tell whether a URL's host is one of ``names``; nothing is looked up.

    >>> is_named("//127.0.0.1:8080"), is_named("http://[::1]:1"), is_named("http://127.0.0.1.example.org")
    (True, True, False)
    """
    try:
        return urlsplit(address).hostname in names
    except ValueError:
        return False
