"""A model server that answers as it is told, the proxy before it, and plain HTTP clients for both."""

import asyncio
import http.client
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware
from monitor.proxy import Proxy
from tests.waiting import until


class Served:
    """An ASGI application on a port of its own, in a thread; the proxy's with its ``client``."""

    client: Client
    proxy: Proxy

    def __init__(self, app: Any, **options: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"log_level": "critical", "lifespan": "on", "ws": "none", "timeout_graceful_shutdown": 1}
        self.server = uvicorn.Server(uvicorn.Config(app, **settings | options))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)
        self.thread.start()

    def settle(self) -> bool:
        """Wait until every request is over (an answer arrives a little before that) and what it left is sent."""
        until(lambda: not self.server.server_state.tasks)
        return self.client.flush(60)

    def leave(self) -> None:
        """Begin to stop; it takes a while, in which the next test can run."""
        self.server.should_exit = True
        _leaving.append(self)

    def stop(self) -> None:
        self.thread.join(100)
        self.listener.close()


_leaving: list[Served] = []


@pytest.fixture(scope="session", autouse=True)
def _all_stopped() -> Iterator[None]:
    yield
    for served in _leaving:
        served.stop()


@dataclass
class Model:
    """What a model server is asked and does: see `__call__`."""

    asked: list[SimpleNamespace] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    answers: dict[str, tuple[int, list[tuple[bytes, bytes]], bytes]] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        path = scope["path"]
        if path == "/early":
            await self.start(send, 413, [(b"content-length", b"9")])
            await self.piece(send, b"too large", more=False)
            return
        if path == "/forever":
            await self.start(send, 200, [(b"content-type", b"text/event-stream")])
            while not self.left.is_set():
                await self.piece(send, b"data: tick\n\n", more=True)
                if (await receive())["type"] == "http.disconnect":
                    self.left.set()
            return
        body = b""
        while True:
            self.begun.set()
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.set()
                return
            body += message["body"]
            if not message["more_body"]:
                break
        target = scope["raw_path"] + b"?" + scope["query_string"]
        self.asked.append(
            SimpleNamespace(
                method=scope["method"], target=target, headers=scope["headers"], body=body, client=scope["client"]
            )
        )
        await self.answer(path, dict(scope["headers"]), send)

    async def answer(self, path: str, headers: dict[bytes, bytes], send: Any) -> None:
        if path in self.answers:
            status, fields, body = self.answers[path]
            await self.start(send, status, [*fields, (b"content-length", b"%d" % len(body))])
            await self.piece(send, body, more=False)
        elif path == "/random":
            await self.random(json.loads(headers[b"x-want"]), send)
        elif path == "/sse":
            await self.start(send, 200, [(b"content-type", b"text/event-stream")])
            await self.piece(send, b"data: 1\n\n", more=True)
            await asyncio.to_thread(self.go_on.wait, 10)
            await self.piece(send, b"data: 2\n\n", more=False)
        elif path == "/cut":
            await self.start(send, 200, [(b"content-length", b"1000")])
            await self.piece(send, b"only this", more=True)
            raise RuntimeError("the model server breaks off")
        elif path == "/bare":
            await self.start(send, int(headers[b"x-status"]), [(b"x-a", b"1"), (b"x-a", b"2"), (b"set-cookie", b"b=2")])
            await self.piece(send, b"", more=False)
        else:
            await self.start(send, 404, [(b"content-type", b"text/plain")])
            await self.piece(send, b"not here", more=False)

    async def random(self, want: dict[str, Any], send: Any) -> None:
        """Answer ``size`` bytes that follow from ``seed``, with their length or in ``pieces`` chunks."""
        body = random.Random(want["seed"]).randbytes(want["size"])
        sized = [] if want["pieces"] else [(b"content-length", b"%d" % len(body))]
        await self.start(send, want["status"], [(b"x-seed", b"%d" % want["seed"]), *sized])
        step = len(body) // (want["pieces"] or 1) + 1
        for place in range(0, len(body), step):
            await self.piece(send, body[place : place + step], more=True)
        await self.piece(send, b"", more=False)

    async def start(self, send: Any, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def piece(self, send: Any, body: bytes, *, more: bool) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": more})


Answer = tuple[int, list[tuple[str, str]], bytes]


def send_request(
    to: int | http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", to, timeout=100) if isinstance(to, int) else to
    try:
        connection.request(method, path, body, headers or {}, **options)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        if isinstance(to, int):
            connection.close()


@pytest.fixture(scope="session")
def ask() -> Callable[..., Answer]:
    """Send one request to a port, or on a connection that stays open; returns status, headers and body."""
    return send_request


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(model: Model) -> Iterator[Served]:
    """The model server, whose headers do not tell the time, so that two answers can be compared."""
    served = Served(model, date_header=False)
    yield served
    served.leave()


@pytest.fixture
def before() -> Iterator[Any]:
    """Put the proxy before an address; ``capture`` as for the middleware. Returns it served, with its ``client``."""
    served = []

    def put(upstream: str, collector: str = "http://127.0.0.1:1", **capture: Any) -> Served:
        client = Client(collector, "flights", flush_interval=0.01, timeout=60, source="proxy")
        proxy = Proxy(upstream)
        app = CaptureMiddleware(proxy, client=client, **capture)
        found = Served(app, date_header=False, server_header=False, proxy_headers=False)
        found.client, found.proxy = client, proxy
        served.append(found)
        return found

    yield put
    for one in served:
        one.leave()
        one.client.close(timeout=0)
