"""Capture in any ASGI server of the Open Inference Protocol v2, with two lines.

from monitor.client.asgi import CaptureMiddleware
app = CaptureMiddleware(app, url="http://127.0.0.1:8080", model="flights", version="1")
"""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from monitor.client.client import Client
from monitor.client.exchange import Exchange, rows_in
from monitor.client.items import new_identity
from monitor.types import Task

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

V2_PATH = re.compile(r"(?:.*/)?v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
PROBE = b"watchglass-probe"
TIME = b"watchglass-time"


class CaptureMiddleware:
    """Passes every message on untouched, and keeps references to the bodies of inference requests and responses.

    Requests are captured if they are POSTs to ``…/v2/models/{model}/infer`` or ``…/versions/{version}/infer`` and
    answered below 400; others are counted (``error_responses``, ``errors`` in `Client.stats`). Never captured is what
    carries the header ``watchglass-probe`` or the V2 parameter ``watchglass_probe``. A header ``watchglass-time``
    (RFC 3339) says when a replayed request was really asked.

    Args:
        app: the served application.
        url: the address of Watchglass; or give ``client``.
        model: the registered model; from the path if not given.
        version: the served version; from the path, or the response, if not given.
        path: the only path to capture, such as ``/v2/models/flights/infer``; any of the above if not given.
        api_key: sent as a bearer token, if given.
        id_column: an input of this name holds the rows' ids and is no feature.
        task: what the model predicts; needed only for regressions that answer floats.
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
        max_body: int = 4 * 2**20,
        client: Client | None = None,
    ) -> None:
        self.app = app
        self.client = client or Client(url, model or "", version or "1", api_key, source="asgi")
        self.model, self.version, self.path = model, version, path
        self.id_column, self.max_body = id_column, max_body
        self.task = None if task is None else Task(task)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        seen = self._seen(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
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
                seen.status = message["status"]
            elif message["type"] == "http.response.body":
                seen.answered(message.get("body", b""))
                if not message.get("more_body", False):
                    seen.ended = time.perf_counter()
            await send(message)
            if seen.ended and not seen.captured:
                seen.capture()

        try:
            await self.app(scope, receiving, sending)
        except BaseException:
            if not seen.captured:  # else it was answered, and counted as that answer
                self.client.count("errors")
            raise

    def _seen(self, scope: Scope) -> "_Seen | None":
        """Return what will hold this exchange, or None if it is not to be captured."""
        path = scope["path"]
        found = V2_PATH.fullmatch(path)
        if path != self.path if self.path is not None else found is None:
            return None
        moment = None
        for name, value in scope["headers"]:
            if name == PROBE:
                return None
            if name == TIME:
                moment = value.decode("latin-1")
        model = self.model or (found["model"] if found else "")
        return _Seen(self, model, self.version or (found["version"] if found else None), moment)


class _Seen:
    """One exchange as it passes: references to the bodies' pieces, no copies, no parsing."""

    def __init__(self, owner: CaptureMiddleware, model: str, version: str | None, moment: str | None) -> None:
        self.owner, self.model, self.version, self.moment = owner, model, version, moment
        self._request: list[bytes] = []
        self._response: list[bytes] = []
        self._size = 0
        self._over = False
        self.status = 0
        self.rows = 0
        self.ended = 0.0
        self.captured = False
        self.now = datetime.now(UTC)
        self.begun = time.perf_counter()

    def asked(self, piece: bytes) -> None:
        self.rows = self.rows or rows_in(piece)
        self._keep(self._request, piece)

    def answered(self, piece: bytes) -> None:
        self._keep(self._response, piece)

    def _keep(self, pieces: list[bytes], piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self.owner.max_body:
            self._over = True
            self._request.clear()
            self._response.clear()
        elif piece:
            pieces.append(piece)

    def capture(self) -> None:
        self.captured = True
        client = self.owner.client
        if self.status >= 400:
            client.count("error_responses")
        elif self._over:
            client.lost(
                "too_large", max(self.rows, 1), f"bodies of more than {self.owner.max_body:,} bytes", model=self.model
            )
        else:
            exchange = Exchange(
                model=self.model,
                version=self.version,
                request=self._request,
                response=self._response,
                time=self.moment,
                now=self.now,
                latency_ms=(self.ended - self.begun) * 1000,
                status=self.status,
                identity=new_identity(),
                id_column=self.owner.id_column,
                task=self.owner.task,
                rows=max(self.rows, 1),
                size=self._size,
            )
            client.put(exchange)
