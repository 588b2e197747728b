"""A request with a known head is answered without being parsed, and nobody can tell but by the time it takes."""

import asyncio
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Self

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.connection import LONGEST, Connection, Heads, connections
from monitor.api.quick import SAME_HEAD
from monitor.api.turn import Respond

SECONDS = 120.0


def request(body: bytes = b"body", *lines: bytes, version: bytes = b"1.1", path: bytes = b"/rows") -> bytes:
    """Return a POST as its sender writes it."""
    named = [b"host: here", b"content-length: %d" % len(body), *lines]
    return b"POST %b HTTP/%b\r\n%b\r\n\r\n%b" % (path, version, b"\r\n".join(named), body)


class App:
    """Answers with what it was sent, in the general way and in the short one, where bodies do not ask for the other.

    ``short`` and ``general`` are the bodies that came each way. Where ``hold`` is set, the short way's answers wait for
    `release`.
    """

    def __init__(self) -> None:
        self.short: list[bytes] = []
        self.general: list[bytes] = []
        self.hold = False
        self.held = threading.Semaphore(0)
        self._answers: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.general.append(body)
        for message in answer(body):
            await send(message)
        offered = scope.get("extensions", {}).get(SAME_HEAD)
        if offered is not None and scope["path"] == "/rows":
            offered["taker"](self.take)

    def take(self, body: bytes, respond: Respond) -> bool:
        if body.startswith(b"no"):
            return False
        self.short.append(body)
        self._loop = asyncio.get_running_loop()
        if self.hold:
            self._answers.append(lambda: respond(*answer(body)))
            self.held.release()
        else:
            self._loop.call_soon(lambda: respond(*answer(body)))
        return True

    def release(self) -> None:
        """Let what is held be answered."""
        self.hold = False
        assert self._loop is not None
        while self._answers:
            self._loop.call_soon_threadsafe(self._answers.pop(0))


def answer(body: bytes) -> tuple[Any, Any]:
    """Return the two messages that say what was sent."""
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain")]
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


class Served:
    """A real server of an `App` on a real port."""

    def __init__(self, of: Any = None, **options: Any) -> None:
        self.app = App()
        settings: dict[str, Any] = {"log_level": "critical", "lifespan": "off", "ws": "none", "http": connections()}
        self.server = uvicorn.Server(uvicorn.Config(of or self.app, **settings | options))
        listener = socket.create_server(("127.0.0.1", 0))
        self._address = listener.getsockname()
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[listener]))
        self.thread.start()

    def connect(self) -> "Sender":
        return Sender(self._address)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


def knock(served: Served) -> None:
    """Connect until the server listens no more: then it has told its connections that it stops."""
    while True:
        with served.connect():
            pass


class Sender:
    """A plain socket that reads answers one by one."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=SECONDS)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Return the status, the headers and the body of the next answer."""
        status = int(self._reader.readline().split()[1])
        headers = {}
        while (line := self._reader.readline()) != b"\r\n":
            name, _, value = line.strip().partition(b": ")
            headers[name] = value
        return status, headers, self._reader.read(int(headers.get(b"content-length", 0)))

    def ask(self, data: bytes) -> bytes:
        self.send(data)
        return self.read()[2]

    @property
    def closed(self) -> bool:
        """Whether the server ends the connection."""
        return self._reader.read(1) == b""


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.stop()


def test_the_second_request_with_a_head_is_not_parsed_and_its_answer_is_alike(served: Served) -> None:
    with served.connect() as sender, served.connect() as other:
        sender.send(request(b"first"))
        _, parsed, _ = sender.read()
        sender.send(request(b"again"))
        status, headers, body = sender.read()
        assert (status, body) == (200, b"again")
        assert headers.keys() == parsed.keys()
        assert other.ask(request(b"whose")) == b"whose", "a head is known to every connection"
    assert (served.app.general, served.app.short) == ([b"first"], [b"again", b"whose"])


def test_another_head_or_length_and_what_the_handler_hands_back_are_parsed(served: Served) -> None:
    bodies = [b"first", b"longer", b"first", b"nope!"]
    lines = [(), (), (b"x: y",), ()]
    with served.connect() as sender:
        for body, more in zip(bodies, lines, strict=True):
            assert sender.ask(request(body, *more)) == body
        assert sender.ask(request(b"other", path=b"/else")) == b"other"
        assert sender.ask(request(b"other", path=b"/else")) == b"other"
    assert (served.app.general, served.app.short) == ([*bodies, b"other", b"other"], [])


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ((b"connection: close",), b"1.1"),
        ((), b"1.0"),
        ((b"connection: keep-alive",), b"1.0"),
        ((b"x: " + b"y" * LONGEST,), b"1.1"),
    ],
)
def test_heads_that_ask_for_more_than_one_answer_or_are_long_are_always_parsed(
    served: Served, lines: tuple[bytes, ...], version: bytes
) -> None:
    for body in (b"1", b"2"):
        with served.connect() as sender:
            sender.send(request(body, *lines, version=version))
            assert sender.read()[2] == body
    assert served.app.short == []


def test_who_expects_100_continue_gets_it_every_time(served: Served) -> None:
    whole = request(b"body", b"expect: 100-continue")
    head, body = whole[:-4], whole[-4:]
    for _ in range(2):
        with served.connect() as sender:
            sender.send(head)
            assert sender.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert sender.ask(body) == b"body"
    assert served.app.short == []


def test_what_comes_behind_waits_for_its_turn(served: Served) -> None:
    """One held, behind it all sorts in one piece and in several: answered in the order they came."""
    with served.connect() as sender:
        sender.ask(request(b"-"))
        served.app.hold = True
        sender.send(request(b"1"))
        assert served.app.held.acquire(timeout=SECONDS)
        sender.send(request(b"2") + request(b"three"))
        sender.send(request(b"4")[:30])
        sender.send(request(b"4")[30:] + request(b"5"))
        served.app.release()
        assert [sender.read()[2] for _ in range(5)] == [b"1", b"2", b"three", b"4", b"5"]
        assert sender.ask(request(b"6")) == b"6"
    assert served.app.short[:1] == [b"1"]
    assert served.app.short[-1:] == [b"6"]


def test_a_sender_that_leaves_before_its_answer_harms_nobody(served: Served) -> None:
    with served.connect() as sender:
        sender.ask(request(b"-"))
        served.app.hold = True
        sender.send(request(b"1"))
        assert served.app.held.acquire(timeout=SECONDS)
    served.app.release()
    with served.connect() as sender:
        assert sender.ask(request(b"2")) == b"2"


def test_a_server_that_stops_answers_first(served: Served) -> None:
    with served.connect() as sender:
        sender.ask(request(b"-"))
        served.app.hold = True
        sender.send(request(b"1"))
        assert served.app.held.acquire(timeout=SECONDS)
        served.server.should_exit = True
        with pytest.raises(ConnectionError):
            knock(served)
        served.app.release()
        status, headers, body = sender.read()
        assert (status, headers[b"connection"], body) == (200, b"close", b"1")
        assert sender.closed
    served.stop()


def test_a_connection_that_is_idle_after_the_short_way_is_closed_in_time() -> None:
    served = Served(timeout_keep_alive=3)  # between two requests a busy machine may take its time
    try:
        with served.connect() as sender:
            assert [sender.ask(request(body)) for body in (b"1", b"2")] == [b"1", b"2"]
            assert sender.closed
        assert served.app.short == [b"2"]
    finally:
        served.stop()


def test_a_websocket_opens_on_a_new_connection_and_on_one_that_was_used(served: Served) -> None:
    opened = b"GET /stream HTTP/1.1\r\nhost: here\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    opened += b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
        else:
            await served.app(scope, receive, send)

    with_sockets = Served(ws="auto", of=app)
    try:
        for before in ([], [request()]):
            with with_sockets.connect() as sender:
                for data in before:
                    sender.ask(data)
                sender.send(opened)
                assert sender.read()[0] == 101
    finally:
        with_sockets.stop()


def test_heads_are_bounded() -> None:
    heads = Heads()
    for number in range(10_000):
        heads.add(b"%d\r\n\r\n" % number, 1, lambda *_: True)
    assert heads.taker(b"9999\r\n\r\nx") is not None
    assert heads.taker(b"9999\r\n\r\nxy") is None
    assert heads.taker(b"0\r\n\r\nx") is None
    assert heads.taker(b"x") is None


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        if not self.closing:
            self.written += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


PIECES = [
    request(b"a"),
    request(b"b"),
    request(b"no"),
    request(b"longer body"),
    request(b"POST /rows HTTP/1.1\r\n\r\n"),
    request(b"c", path=b"/else"),
    request(b"", b"x: 1"),
    b"GET /rows HTTP/1.1\r\nhost: here\r\n\r\n",
    b"\r\n" + request(b"a"),
    request(b"a").replace(b"content-length: 1", b"Content-Length:1"),
    request(b"d", version=b"1.0"),
    request(b"e", b"connection: close"),
    request(b"e", b"upgrade: x", b"connection: upgrade"),
    request(b"f").replace(b"\r\n", b"\n"),
    b"POST /rows HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    b"POST /rows HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    b"rubbish\r\n\r\n",
]


def said(make: Callable[..., asyncio.Protocol], pieces: list[bytes]) -> tuple[bytes, bool, App]:
    """Return what a connection writes when it is sent these pieces, and whether it closes."""

    async def run() -> tuple[bytes, bool, App]:
        app, wire = App(), Wire()
        config = uvicorn.Config(app, http=make, lifespan="off", log_level="critical")  # type: ignore[arg-type]  # it wants a class, and calls it
        config.load()
        protocol = make(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(wire)
        for piece in pieces:
            if not wire.closing:
                protocol.data_received(piece)
            for _ in range(len(piece) % 7):
                await asyncio.sleep(0)
        for _ in range(300):
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        return re.sub(rb"date: [^\r]*", b"date", wire.written), wire.closing, app

    return asyncio.run(run())


def test_any_stream_in_any_pieces_is_answered_as_by_the_parser_alone() -> None:
    chance = random.Random(20130501)
    short = 0
    for _ in range(150):
        requests = [*PIECES[:3], *chance.choices(PIECES, [20, 20, *[1] * (len(PIECES) - 2)], k=chance.randrange(1, 12))]
        stream = b"".join(requests)
        cuts = sorted(chance.sample(range(len(stream)), k=chance.randrange(6)))
        ends = [0, *cuts, len(stream)]
        cut = [stream[begin:end] for begin, end in pairwise(ends)]
        for pieces in (requests, cut, [*requests[:3], *requests[-1:] * 3]):
            mine, its = said(connections(), pieces), said(HttpToolsProtocol, pieces)
            assert mine[:2] == its[:2], pieces
            assert sorted(mine[2].short + mine[2].general) == sorted(its[2].general)
            short += len(mine[2].short)
    assert short > 300, "the short way was gone"


def test_a_sender_that_does_not_read_is_left_to_the_parser() -> None:
    async def run() -> App:
        app = App()
        make = connections()
        config = uvicorn.Config(app, http=make, lifespan="off", log_level="critical")  # type: ignore[arg-type]  # as above
        config.load()
        protocol: Connection = make(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(Wire())
        for paused in (False, True):
            protocol.data_received(request(b"x"))
            for _ in range(10):
                await asyncio.sleep(0)
            if not paused:
                protocol.pause_writing()
        protocol.connection_lost(None)
        return app

    app = asyncio.run(run())
    assert (app.general, app.short) == ([b"x", b"x"], [])
