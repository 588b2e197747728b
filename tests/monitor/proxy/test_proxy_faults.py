"""What goes wrong goes wrong as without the proxy: errors, broken answers, servers down, clients that leave."""

import contextlib
import json
import random
import socket
import threading

import pytest

from monitor.errors import InvalidInput
from monitor.proxy import Proxy, upstream
from monitor.proxy.app import address_of
from tests.waiting import until

INFER = "/v2/models/flights/infer"


@pytest.fixture
def raw():
    """A server of raw sockets: it sends one of the given answers to each request, then closes if told."""
    stop = []

    def start(*answers, close=True, requests=None):
        listener = socket.create_server(("127.0.0.1", 0))
        queue = list(answers)

        def serve():
            with contextlib.suppress(OSError):
                while queue:
                    client, _ = listener.accept()
                    with client:
                        while queue and (asked := client.recv(65536)):
                            if requests is not None:
                                requests.append(asked)
                            client.sendall(queue.pop(0))
                            if close:
                                break

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stop.append((listener, thread))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener, thread in stop:
        listener.close()
        thread.join(0.1)


def test_a_server_that_is_down_is_a_502_at_once_and_counted(ask, before):
    """As a problem that says where; and it is passed on again when it is up."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    proxy = before(f"http://127.0.0.1:{port}")
    status, headers, body = ask(proxy.port, "POST", INFER, b"{}")
    assert (status, dict(headers)["content-type"]) == (502, "application/problem+json")
    assert f"127.0.0.1:{port}" in json.loads(body)["detail"]
    assert proxy.proxy.counts == {"unreachable": 1}
    assert proxy.settle()
    assert proxy.client.stats()["error_responses"] == 1


def test_a_server_that_does_not_take_connections_is_a_502_in_time(ask, before, monkeypatch):
    """A full backlog answers nothing at all."""
    monkeypatch.setattr(upstream, "CONNECT_SECONDS", 0.1)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        assert ask(before(f"http://127.0.0.1:{full.getsockname()[1]}").port, "GET", "/")[0] == 502
        for one in waiting:
            one.close()


def test_an_answer_that_breaks_off_breaks_off_for_the_client(server, before):
    """With a length: fewer bytes than it says. It is counted, and never captured."""
    proxy = before(server.url, path="/cut")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as client:
        client.sendall(b"POST /cut HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        got = b""
        while piece := client.recv(4096):
            got += piece
    assert got.endswith(b"content-length: 1000\r\n\r\nonly this")
    assert proxy.proxy.counts == {"broken": 1}
    stats = proxy.client.stats()
    assert (stats["unfinished"], stats["logged"]) == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [b"", b"not HTTP at all\r\n\r\n", b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nx"],
    ids=["nothing", "garbage", "status", "half a head"],
)
def test_what_is_no_answer_is_a_502(ask, before, raw, answer):
    """Whatever the server says instead of HTTP."""
    proxy = before(raw(answer))
    assert ask(proxy.port, "POST", INFER, b"{}")[0] == 502
    assert proxy.proxy.counts == {"broken": 1}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nto the end",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nto the end",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nto the\r\n4;x\r\n end\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nto the endHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
    ids=["1.0", "close", "100", "trailer", "two answers"],
)
def test_old_and_odd_servers_are_understood(ask, before, raw, answer):
    """Answers that end with the connection, that are announced, that have trailers, or that nobody asked for."""
    proxy = before(raw(answer, answer))
    for _ in range(2):
        status, _, body = ask(proxy.port, "GET", "/")
        assert (status, body) == (200, b"to the end")


@pytest.mark.parametrize(("method", "status", "times"), [("GET", 200, 2), ("POST", 502, 1)])
def test_only_what_may_be_repeated_is_repeated_on_a_stale_connection(ask, before, raw, method, status, times):
    """A kept connection that ends before an answer: a GET is asked again on a new one; a POST might be done twice."""
    good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    requests, answers = [], []
    proxy = before(raw(good, b"", good, close=False, requests=requests))
    assert ask(proxy.port, "GET", "/first")[0] == 200
    hung = threading.Thread(target=lambda: answers.append(ask(proxy.port, method, "/second")))
    hung.start()
    until(lambda: len(requests) == 2)
    (connection,) = proxy.proxy.pool._all
    proxy.server.servers[0].get_loop().call_soon_threadsafe(connection.transport.abort)
    hung.join(100)
    assert answers[0][0] == status
    assert [asked.split()[1] for asked in requests] == [b"/first"] + [b"/second"] * times


def test_a_client_that_does_not_read_holds_the_server_back(before, raw):
    """No more than a bounded part of the answer is taken from the server; all of it arrives once the client reads."""
    body = random.Random(3).randbytes(32 * 2**20)
    proxy = before(raw(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: any(connection._paused for connection in proxy.proxy.pool._all))
        (connection,) = proxy.proxy.pool._all
        assert connection._waiting <= upstream.HIGH_WATER + 2**20
        got = bytearray()
        while len(got) < len(body) or not got.endswith(body[-9:]):
            got += client.recv(2**20)
    assert got.endswith(body)


def test_an_answer_before_the_whole_request_came_is_passed_on(server, before):
    """A server may refuse a large body from its first bytes; the connection to it is not used again."""
    proxy = before(server.url)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as client:
        client.sendall(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc")
        got = b""
        while not got.endswith(b"too large"):
            got += client.recv(4096)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert proxy.proxy.counts == {}
    assert proxy.proxy.pool._idle == []


def test_a_client_that_leaves_in_the_middle_of_its_request_ends_it_at_the_server(model, server, before):
    """The server sees it leave, as without the proxy; counted as unfinished."""
    proxy = before(server.url)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as client:
        head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{"
        client.sendall(head.encode())
        assert model.begun.wait(100)
    assert model.left.wait(100)
    until(lambda: proxy.client.stats()["unfinished"] == 1)
    assert proxy.client.stats()["logged"] == 0


def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_it_at_the_server(model, server, before):
    """An endless stream has no listener then, and the server must know."""
    proxy = before(server.url, path="/forever")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as client:
        client.sendall(b"POST /forever HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        assert client.recv(15)
    assert model.left.wait(100)
    until(lambda: proxy.client.stats()["unfinished"] == 1)
    assert proxy.client.stats()["logged"] == 0


@pytest.mark.parametrize(
    "bad", ["127.0.0.1:8000", "https://model:1", "http://", "http://m/v2", "http://m:x", "ftp://m"]
)
def test_only_addresses_of_servers_are_taken(bad):
    """The message says which are allowed."""
    with pytest.raises(InvalidInput, match=r"http://host:port"):
        Proxy(bad)
    assert address_of("http://model:1") == ("model", 1)
