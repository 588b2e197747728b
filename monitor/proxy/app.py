"""The proxy as an ASGI application: what comes goes to the model server, and its answer comes back."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from monitor.errors import InvalidInput, Unavailable
from monitor.proxy.headers import is_chunked, request_head, response_headers
from monitor.proxy.upstream import Connection, Pool

_LOG = logging.getLogger("watchglass")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SAFE_AGAIN = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


class Proxy:
    """Passes requests to one model server and its answers back: streamed, unchanged, never asked twice.

    Where the server cannot be reached, or ends before it has answered, the answer is a 502 problem. An answer that
    breaks off does so for the client too. A client that leaves ends its request at the server.

    Args:
        upstream: the model server's address, ``http://host:port``.

    Attributes:
        counts: requests ``unreachable`` and ``broken`` so far.

    Raises:
        InvalidInput: ``upstream`` is no such address.

    >>> Proxy("http://127.0.0.1:8000").pool.port
    8000
    """

    def __init__(self, upstream: str) -> None:
        self.pool = Pool(*address_of(upstream))
        self.counts: Counter[str] = Counter()
        self._authority = upstream.partition("//")[2].strip("/").encode()
        self._down = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._pass(scope, receive, send)

    async def _pass(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        first = await receive()
        if first["type"] == "http.disconnect":
            return
        chunked = is_chunked(scope)
        begin = request_head(scope, self._authority) + _framed(first, chunked=chunked)
        more = first.get("more_body", False)
        fresh = False
        while True:
            try:
                connection = await self.pool.take(fresh=fresh)
            except Unavailable as error:
                await self._refuse(send, "unreachable", error)
                return
            connection.begin(begin, head_only=scope["method"] == "HEAD")
            upload = _Upload(connection, receive, more=more, chunked=chunked)
            try:
                await connection.head()
                await self._answer(connection, upload, send)
                return
            except Unavailable as error:
                if upload.left:
                    return
                # A server may part from an idle connection just as it is used again; what may be repeated is.
                again = connection.used and not connection.heard and not more and scope["method"] in _SAFE_AGAIN
                if fresh or not again:
                    await self._break(connection, send, error)
                    return
                fresh = True
            finally:
                upload.stop()
                self.pool.give(connection, whole=upload.done)

    async def _answer(self, connection: Connection, upload: "_Upload", send: Send) -> None:
        self._up()
        headers = response_headers(connection.headers, connection.status)
        await send({"type": "http.response.start", "status": connection.status, "headers": headers})
        complete = False
        while not complete:
            piece, complete = await connection.read()
            if complete:
                upload.stop()  # it would take the end of this exchange for the client's leaving
            await send({"type": "http.response.body", "body": piece, "more_body": not complete})

    async def _break(self, connection: Connection, send: Send, error: Unavailable) -> None:
        """Answer 502; or, within an answer, return without its end, upon which the server in front cuts it short."""
        if connection.status:
            self.counts["broken"] += 1
            _LOG.warning("%s", error)
        else:
            await self._refuse(send, "broken", error)

    async def _refuse(self, send: Send, why: str, error: Unavailable) -> None:
        self.counts[why] += 1
        if not self._down:
            self._down = True
            _LOG.warning("%s Requests are answered 502 until it answers again.", error)
        body = msgspec.json.encode(
            {
                "type": "urn:watchglass:problem:bad-gateway",
                "title": "Bad Gateway",
                "status": 502,
                "detail": str(error),
            }
        )
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 502, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _up(self) -> None:
        if self._down:
            self._down = False
            _LOG.info("The model server at %s:%d answers again.", self.pool.host, self.pool.port)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.pool.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


class _Upload:
    """The rest of a request on its way up, and then the wait for its client to leave, which ends the exchange.

    ``done`` says that all of it was sent, ``left`` that the client left.
    """

    def __init__(self, connection: Connection, receive: Receive, *, more: bool, chunked: bool) -> None:
        self._connection, self._receive, self._chunked = connection, receive, chunked
        self.done, self.left = not more, False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while (message := await self._receive())["type"] != "http.disconnect":
            if not self.done:
                await self._connection.write(_framed(message, chunked=self._chunked))
                self.done = not message.get("more_body", False)
        self.left = True
        self._connection.abort()

    def stop(self) -> None:
        """Send no more, and wait no longer."""
        self._task.cancel()


def address_of(upstream: str) -> tuple[str, int]:
    """Return host and port of a model server's address.

    Raises:
        InvalidInput: it is not ``http://host:port``.

    >>> address_of("http://[::1]:8500/"), address_of("http://model")
    (('::1', 8500), ('model', 80))
    """
    try:
        parts = urlsplit(upstream)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme != "http" or not host or parts.path.strip("/") or parts.query or parts.username:
        raise InvalidInput(
            f"--upstream is {upstream!r:.200}; http://host:port is allowed, without a path. To a server that speaks "
            "https, go through a proxy that ends TLS."
        )
    return host, port or 80


def _framed(message: Message, *, chunked: bool) -> bytes:
    """Return a piece of a request's body as it goes over the wire."""
    body: bytes = message.get("body", b"")
    if not chunked:
        return body
    piece = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return piece if message.get("more_body", False) else piece + b"0\r\n\r\n"
