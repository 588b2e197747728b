"""Connections to the model server: one exchange at a time on each, streamed both ways, kept for the next one.

The parser is uvicorn's (httptools), so that no client library stands between the bytes and who sent them.
"""

import asyncio
from typing import cast

import httptools

from monitor.errors import Unavailable
from monitor.proxy.headers import Header

CONNECT_SECONDS = 2.0
IDLE_SECONDS = 1.0
"""How long a connection is kept unused: shorter than model servers keep theirs, lest both sides part at once."""
HIGH_WATER = 256 * 1024
"""Bytes of an answer that may wait for the client before reading stops."""


class Connection(asyncio.Protocol):
    """One connection. ``used`` says that it served an exchange before, ``heard`` that this one's answer began."""

    transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.used = False
        self.since = 0.0
        self.closed = self._failed = self._busy = self.complete = False

    def begin(self, data: bytes, *, head_only: bool) -> None:
        """Send the beginning of a request; ``head_only`` says that its answer has no body whatever it declares."""
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = head_only
        self._busy = True
        self.status = 0
        self.headers: list[Header] = []
        self.heard = self.complete = self._failed = self._to_end = self._last = False
        self._body: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self.transport.write(data)

    async def write(self, data: bytes) -> None:
        """Send more of a request, when there is room for it; nothing once the connection is lost."""
        await self._writable.wait()
        if not self.closed:
            self.transport.write(data)

    async def head(self) -> None:
        """Wait until ``status`` and ``headers`` are there.

        Raises:
            Unavailable: the connection was lost before, or what came is not HTTP.
        """
        while not self.status:
            await self._more("before it answered")

    async def read(self) -> tuple[bytes, bool]:
        """Return what has come of the body, and whether that was the last of it.

        Raises:
            Unavailable: the connection was lost before the end.
        """
        while not self._body and not self.complete:
            await self._more("in the middle of its answer")
        piece = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._waiting = 0
        if self._paused and not self.closed:
            self._paused = False
            self.transport.resume_reading()
        return piece, self.complete

    async def _more(self, when: str) -> None:
        if self._failed or self.closed:
            raise Unavailable(f"The model server closed the connection {when}, or did not speak HTTP; see its log.")
        self._wake.clear()
        await self._wake.wait()

    def reusable(self) -> bool:
        """Tell whether another exchange may follow the one that is complete."""
        return self.complete and not (self._failed or self.closed or self._last)

    def release(self) -> None:
        """Say that the exchange is over."""
        self._busy = False
        self.used = True

    def abort(self) -> None:
        """Part at once; what has come of an answer without an end is then no answer."""
        self.closed = self._failed = True
        self.transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; anything but an answer that was waited for ends the connection."""
        if not self._busy or self.complete:
            self.abort()
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._failed = True
        if self._waiting > HIGH_WATER and not self._paused and not self.closed:
            self._paused = True
            self.transport.pause_reading()
        self._wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end: of the answer too, if it goes on until the connection is closed."""
        self.closed = True
        self._pool.forget(self)
        if self._busy and self._to_end and exc is None and not self._failed:
            self.complete = True
        self._writable.set()
        self._wake.set()

    def pause_writing(self) -> None:
        """Make `write` wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        self._writable.set()

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers come after the status is set, and are left."""
        if not self.status:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the head of the answer; one of 1xx only announces it."""
        if self.complete:  # a second answer, that nobody asked for
            self._failed = True
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self.headers = []
            return
        if not 200 <= status <= 599:
            self._failed = True
            return
        self.status = status
        if self._head_only:
            # The parser now waits for the body that the head declares, and none comes.
            self.on_message_complete()
        elif status not in (204, 304):
            names = {name.lower() for name, _ in self.headers}
            self._to_end = names.isdisjoint((b"content-length", b"transfer-encoding"))

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if self.complete:
            self._failed = True
            return
        self._body.append(body)
        self._waiting += len(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer, and whether the server keeps the connection."""
        if self.status:
            self.complete = True
            self._last = self._last or not self._parser.should_keep_alive()


class Pool:
    """Connections to one server: those that idle are used again, the latest first.

    Args:
        host: the server's name or address.
        port: its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()

    async def take(self, *, fresh: bool = False) -> Connection:
        """Return a connection that nobody uses; ``fresh``: one that was never used.

        Raises:
            Unavailable: the server does not take a connection within `CONNECT_SECONDS`.
        """
        loop = asyncio.get_running_loop()
        while self._idle and not fresh:
            connection = self._idle.pop()
            if loop.time() - connection.since < IDLE_SECONDS and not connection.transport.is_closing():
                return connection
            connection.abort()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, made = await loop.create_connection(lambda: Connection(self), self.host, self.port)
        except (OSError, TimeoutError) as error:
            why = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            where = f"{self.host}:{self.port}"
            raise Unavailable(f"The model server at {where} takes no connection: {why}; start it.") from None
        self._all.add(made)
        return made

    def give(self, connection: Connection, *, whole: bool) -> None:
        """Take back a connection, to use again if it can be; ``whole``: the request was sent to its end."""
        connection.release()
        if not whole or not connection.reusable():
            connection.abort()
            return
        now = connection.since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        while now - self._idle[0].since > IDLE_SECONDS:
            self._idle.pop(0).abort()

    def forget(self, connection: Connection) -> None:
        """Drop a connection that is lost."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def close(self) -> None:
        """Part with all."""
        for connection in list(self._all):
            connection.abort()
        await asyncio.sleep(0)  # the loop tells them so
