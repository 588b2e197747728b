"""What passes through the proxy is what was sent: both ways, in every framing, and as soon as it was sent."""

import http.client
import json
import random
import socket
import threading

BIG = 8 * 2**20


def test_500_random_bodies_pass_byte_for_byte_both_ways(ask, model, server, before):
    """Binary bodies of 0 to 200,000 bytes, with a length or in chunks, of any status; and the same target."""
    proxy = before(server.url)
    rng = random.Random(11)
    direct, through = (http.client.HTTPConnection("127.0.0.1", port, timeout=100) for port in (server.port, proxy.port))
    for seed in range(500):
        body = rng.randbytes(int(10 ** rng.uniform(0, 5.3)) - 1)
        want = {
            "seed": seed,
            "size": int(10 ** rng.uniform(0, 5.3)) - 1,
            "pieces": rng.choice((0, 0, 1, 5)),
            "status": rng.choice((200, 200, 201, 400, 422, 500, 503)),
        }
        headers = {"x-want": json.dumps(want), "content-type": "application/octet-stream"}
        chunked = rng.random() < 0.4
        cut = max(len(body) // 3, 1)
        answers = [
            ask(
                connection,
                rng.choice(("POST", "PUT")) if connection is direct else model.asked[-1].method,
                f"/random?seed={seed}&a=%2F%20b",
                (body[place : place + cut] for place in range(0, len(body), cut)) if chunked else body,
                headers,
                encode_chunked=chunked,
            )
            for connection in (direct, through)
        ]
        assert answers[0] == answers[1]
        plain, proxied = model.asked[-2:]
        assert proxied.body == plain.body == body
        assert (proxied.method, proxied.target) == (plain.method, plain.target)
        # The framing too, and the host is the server's.
        assert sorted(proxied.headers) == sorted(plain.headers)
    direct.close()
    through.close()


def test_every_method_and_bodiless_answer_passes_and_the_connection_stays(ask, server, before):
    """Repeated headers stay repeated; the next request on the same connection is answered too."""
    through = http.client.HTTPConnection("127.0.0.1", before(server.url).port, timeout=100)
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for status in ("200", "204", "302", "304", "404"):
            direct = ask(server.port, method, "/bare", headers={"x-status": status})
            assert ask(through, method, "/bare", headers={"x-status": status}) == direct
            assert [value for name, value in direct[1] if name == "x-a"] == ["1", "2"]
    through.close()


def test_a_head_request_keeps_the_length_of_what_a_get_would_give(ask, model, server, before):
    """And the next request on both connections is not confused by the body that did not come."""
    model.answers["/page"] = (200, [], b"twelve bytes")
    through = http.client.HTTPConnection("127.0.0.1", before(server.url).port, timeout=100)
    status, headers, body = ask(through, "HEAD", "/page")
    assert (status, dict(headers)["content-length"], body) == (200, "12", b"")
    assert ask(through, "GET", "/page")[2] == b"twelve bytes"
    through.close()


def test_headers_of_one_connection_stay_on_it(ask, model, server, before):
    """Connection and what it lists, Keep-Alive, TE, Upgrade; a foreign host is passed on, our own becomes theirs."""
    proxy = before(server.url)
    model.answers["/x"] = (200, [(b"keep-alive", b"timeout=9"), (b"connection", b"x-hop"), (b"x-hop", b"1")], b"")
    sent = {"connection": "x-mine, keep-alive", "x-mine": "1", "te": "trailers", "upgrade": "h2c", "x-kept": "1"}
    _, headers, _ = ask(proxy.port, "GET", "/x", headers=sent)
    assert {name for name, _ in headers} == {"content-length", "server"}
    asked = dict(model.asked[-1].headers)
    assert asked.keys() == {b"host", b"accept-encoding", b"x-kept"}
    assert asked[b"host"] == server.url.removeprefix("http://").encode()
    ask(proxy.port, "GET", "/x", headers={"host": "iris.default.example.com"})
    assert dict(model.asked[-1].headers)[b"host"] == b"iris.default.example.com"


def test_big_bodies_pass_both_ways(ask, model, server, before):
    """8 MiB up and down."""
    proxy = before(server.url)
    body = random.Random(1).randbytes(BIG)
    want = {"seed": 2, "size": BIG, "pieces": 0, "status": 200}
    _, _, answer = ask(proxy.port, "POST", "/random", body, {"x-want": json.dumps(want)})
    assert model.asked[-1].body == body
    assert answer == random.Random(2).randbytes(BIG)


def test_an_event_arrives_before_the_next_is_made(model, server, before):
    """Server-sent events are not held back."""
    connection = http.client.HTTPConnection("127.0.0.1", before(server.url).port, timeout=100)
    connection.request("GET", "/sse")
    response = connection.getresponse()
    assert response.read1() == b"data: 1\n\n"
    model.go_on.set()
    assert response.read() == b"data: 2\n\n"
    connection.close()


def test_connections_to_the_server_are_used_again(ask, model, server, before):
    """Also those of clients that open a new one for every request; and as many as there are requests at once."""
    proxy = before(server.url)
    for _ in range(30):
        ask(proxy.port, "POST", "/nowhere", b"x")
    assert len({asked.client for asked in model.asked}) == 1
    threads = [
        threading.Thread(target=lambda: [ask(proxy.port, "POST", "/nowhere", b"x") for _ in range(10)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.asked) == 110
    assert len({asked.client for asked in model.asked}) <= 8


def test_expect_100_continue_is_answered(server, before):
    """A client that waits for leave to send its body gets it."""
    with socket.create_connection(("127.0.0.1", before(server.url).port), timeout=100) as client:
        client.sendall(b"POST /nowhere HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hi")
        assert client.recv(1000).startswith(b"HTTP/1.1 404 ")
