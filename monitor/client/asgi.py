"""Capture in any ASGI server of a model, with two lines.

from monitor.client.asgi import CaptureMiddleware
app = CaptureMiddleware(app, url="http://127.0.0.1:8080", model="flights", version="1")
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.client.client import Client
from monitor.client.dialects import Asked, asked
from monitor.client.exchange import Exchange, Reading, rows_in
from monitor.client.items import new_identity
from monitor.types import Task

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PROBE = b"watchglass-probe"
TIME = b"watchglass-time"
MAX_HELD = 32 * 2**20
"""Bytes that all exchanges under way may hold together; what is beyond is not captured but counted."""
PIECE_OVERHEAD = 64
"""Bytes that any piece of a body, or of a header, takes besides its own."""


class CaptureMiddleware:
    """Passes every message on untouched, and keeps references to the bodies of inference requests and responses.

    Requests are captured if they are inferences in one of `monitor.client.dialects` (Open Inference Protocol v2 in JSON
    or binary, TensorFlow Serving and KServe V1, TorchServe) and answered with 2xx; others are counted
    (``error_responses``; ``errors`` if the application raised; ``unfinished`` if the answer was cut short, in
    `Client.stats`). Never captured is what carries the header ``watchglass-probe`` or the V2 parameter
    ``watchglass_probe``. A header ``watchglass-time`` (RFC 3339) says when a replayed request was really asked.

    Args:
        app: the served application.
        url: the address of Watchglass; or give ``client``.
        model: the registered model; from the path if not given.
        version: the served version; from the path, or the response, if not given.
        path: the only path to capture, such as ``/v2/models/flights/infer`` or one of no dialect, whose bodies then
            tell what they are; all inferences if not given.
        api_key: sent as a bearer token, if given.
        id_column: an input of this name holds the rows' ids and is no feature.
        task: what the model predicts; needed only for regressions that answer floats.
        columns: names for the columns of an unnamed matrix, by commas; ``input-0``, ``input-1``, … if not given.
        tensor: what a body is that is one raw tensor (Open Inference Protocol, a header length of 0), which says
            neither name nor type: ``NAME DATATYPE SIZE…``, the sizes of one row, as the model's configuration has them.
        max_body: bodies beyond this are not captured but counted (``too_large``), in bytes.
        client: a client to share with other parts of the process.
    """

    def __init__(
        self,
        app: App,
        *,
        url: str = "http://127.0.0.1:8080",
        model: str | None = None,
        version: str | None = None,
        path: str | None = None,
        api_key: str | None = None,
        id_column: str = "id",
        task: str | None = None,
        columns: str | None = None,
        tensor: str | None = None,
        max_body: int = 4 * 2**20,
        client: Client | None = None,
    ) -> None:
        self.app = app
        self.client = client or Client(url, model or "", version or "1", api_key, source="asgi")
        self.model, self.version, self.path = model, version, path
        self.reading = Reading(id_column, None if task is None else Task(task), columns, tensor)
        self.max_body = max_body
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        seen = self._seen(scope) if scope["type"] == "http" else None
        if seen is None:
            await self.app(scope, receive, send)
            return

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                seen.asked(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = seen.started(message)
            elif message["type"] == "http.response.body":
                seen.answered(message.get("body", b""))
                if not message.get("more_body", False):
                    seen.ended = time.perf_counter()
            await send(message)
            if seen.ended and not seen.captured:
                seen.capture()

        try:
            with self.client.under_way:
                await self.app(scope, receiving, sending)
            if not seen.captured:  # whoever asked went away, or the answer was cut short
                self.client.count("unfinished")
        except BaseException:
            if not seen.captured:  # else it was answered, and counted as that answer
                self.client.count("errors")
            raise
        finally:
            seen.let_go()

    def _seen(self, scope: Scope) -> "_Seen | None":
        """Return what will hold this exchange, or None if it is not to be captured."""
        found = asked(scope["method"], scope["path"], self.path)
        if found is None:
            return None
        moment = None
        for name, value in scope["headers"]:
            if name == PROBE:
                return None
            if name == TIME:
                moment = value.decode("latin-1")
        return _Seen(self, found, scope, moment)


class _Seen:
    """One exchange as it passes: references to the bodies' pieces, no copies, no parsing."""

    def __init__(self, owner: CaptureMiddleware, found: Asked, scope: Scope, moment: str | None) -> None:
        self.owner, self.found, self.moment = owner, found, moment
        self.model = owner.model or found.model
        self._scope = scope
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._request: list[bytes] = []
        self._response: list[bytes] = []
        self._size = 0
        self._held = 0
        self._over = ""
        self.status = 0
        self.rows = 0
        self.ended = 0.0
        self.captured = False
        self.now = datetime.now(UTC)
        self.begun = time.perf_counter()

    def asked(self, piece: bytes) -> None:
        self.rows = self.rows or rows_in(piece)
        self._keep(self._request, piece)

    def started(self, message: Message) -> Message:
        """Keep status and headers; headers that can be read but once are passed on as a list of them."""
        self.status = message["status"]
        headers = message.get("headers", ())
        if not isinstance(headers, list | tuple):
            headers = list(headers)
            message = {**message, "headers": headers}
        self._headers = headers
        return message

    def answered(self, piece: bytes) -> None:
        self._keep(self._response, piece)

    def _keep(self, pieces: list[bytes], piece: bytes) -> None:
        if self._over or not piece:
            return
        self._size += len(piece)
        held = len(piece) + PIECE_OVERHEAD
        if self._size > self.owner.max_body:
            self._over = "too_large"
        elif self.owner.held + held > MAX_HELD:
            self._over = "queue_full"
        else:
            self._held += held
            self.owner.held += held
            pieces.append(piece)
            return
        self._request.clear()
        self._response.clear()
        self.let_go()

    def let_go(self) -> None:
        """Count what was held as held no longer: it is given up, or the client's queue counts it."""
        self.owner.held -= self._held
        self._held = 0

    def capture(self) -> None:
        self.captured = True
        client = self.owner.client
        if not 200 <= self.status < 300:
            client.count("error_responses")
        elif self._over:
            reason = f"bodies of more than {self.owner.max_body:,} bytes, or {MAX_HELD:,} in all exchanges under way"
            client.lost(self._over, max(self.rows, 1), reason, model=self.model)
        else:
            exchange = Exchange(
                model=self.model,
                version=self.owner.version or self.found.version,
                dialect=self.found.dialect,
                path=self._scope["path"],
                request=self._request,
                response=self._response,
                request_headers=self._scope["headers"],
                response_headers=self._headers,
                time=self.moment,
                now=self.now,
                latency_ms=(self.ended - self.begun) * 1000,
                status=self.status,
                identity=new_identity(),
                reading=self.owner.reading,
                rows=max(self.rows, 1),
                size=self._held + 2 * PIECE_OVERHEAD * (len(self._scope["headers"]) + len(self._headers)),
            )
            client.put(exchange)
