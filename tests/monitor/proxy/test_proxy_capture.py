"""What the proxy captures are the tensors that were sent, in every dialect; and capturing is never noticed."""

import gzip
import json
import random
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.waiting import until

JSON = (b"content-type", b"application/json")
INFER = "/v2/models/flights/infer"


def v2(name, values, width=None, **more):
    """A V2 tensor of doubles: a column, or a matrix of ``width`` columns."""
    shape = [len(values)] if width is None else [len(values) // width, width]
    return {"name": name, "shape": shape, "datatype": "FP64", "data": values, **more}


def binary(key, name, values, width=None, **more):
    """A V2 body whose tensor follows its JSON; returns the body and the length of the JSON."""
    tensor = v2(name, values, width)
    content = struct.pack(f"<{len(tensor.pop('data'))}d", *values)
    head = json.dumps({**more, key: [{**tensor, "parameters": {"binary_data_size": len(content)}}]}).encode()
    return head + content, str(len(head))


def told(row):
    """A row in short: version, features, scores and prediction."""
    return row["version"], row["features"], row["scores"], row["prediction"]


X, P = [1.5, -2.25, 1e300, 0.1], [0.125, 0.875]
ROWS = [({"x-0": 1.5, "x-1": -2.25}, [0.125]), ({"x-0": 1e300, "x-1": 0.1}, [0.875])]
NAMED = [({"temp": 1.5, "wind": -2.25}, [0.125]), ({"temp": 1e300, "wind": 0.1}, [0.875])]
MATRIX = [X[:2], X[2:]]
HEADER = "inference-header-content-length"


def exchanges():
    """Path, request headers and body, answer headers and body; the version and rows that are told of them."""
    asked, answered = {"inputs": [v2("x", X, 2)]}, {"outputs": [v2("p", P)], "model_version": "4"}
    yield "v2", INFER, {}, json.dumps(asked), [JSON], json.dumps(answered), "4", ROWS
    yield (
        "v2-version",
        "/v2/models/flights/versions/7/infer",
        {},
        json.dumps(asked),
        [],
        json.dumps(answered),
        "7",
        ROWS,
    )
    (body, size), (reply, length) = binary("inputs", "x", X, 2), binary("outputs", "p", P)
    yield "v2-binary", INFER, {HEADER: size}, body, [(HEADER.encode(), length.encode())], reply, "1", ROWS
    coded = {"content-encoding": "gzip", HEADER: size}
    yield "v2-gzip", INFER, coded, gzip.compress(body), [JSON], gzip.compress(json.dumps(answered).encode()), "4", ROWS
    coded = {"content-encoding": "deflate"}
    reply = zlib.compress(json.dumps(answered).encode())
    back = [(b"content-encoding", b"deflate")]
    yield "v2-deflate", INFER, coded, zlib.compress(json.dumps(asked).encode()), back, reply, "4", ROWS
    body = {"instances": [{"temp": 1.5, "wind": -2.25}, {"temp": 1e300, "wind": 0.1}]}
    yield "v1", "/v1/models/flights:predict", {}, json.dumps(body), [JSON], json.dumps({"predictions": P}), "1", NAMED
    path = "/v1/models/flights/versions/3:predict"
    names, columns = {"watchglass-columns": "temp,wind"}, json.dumps({"instances": MATRIX})
    yield "v1-unnamed", path, names, columns, [], json.dumps({"predictions": P}), "3", NAMED
    # TorchServe answers V1 requests without V1's envelope.
    yield "v1-bare", path, names, columns, [], json.dumps(P), "3", NAMED
    body = json.dumps({"examples": [{"temp": 1.5, "wind": -2.25}, {"temp": 1e300, "wind": 0.1}]})
    path = "/v1/models/flights/labels/canary:regress"
    yield "v1-regress", path, {}, body, [], json.dumps({"result": P}), "canary", NAMED
    path = "/predictions/flights/1.0"
    yield "torchserve", path, names, json.dumps(MATRIX), [(b"x-request-id", b"q")], json.dumps(P), "1.0", NAMED
    body = json.dumps(NAMED[0][0])
    yield "torchserve-row", "/predictions/flights", {}, body, [], b"0.125", "1", NAMED[:1]


@pytest.mark.parametrize(
    ("path", "headers", "body", "fields", "answer", "version", "rows"),
    [pytest.param(*case[1:], id=case[0]) for case in exchanges()],
)
def test_rows_are_the_tensors_that_were_sent(
    ask, model, server, before, receiver, path, headers, body, fields, answer, version, rows
):
    """Value by value, in every dialect, named by the registered model; and what passes is what passes without us."""
    model.answers[path] = (200, fields, answer.encode() if isinstance(answer, str) else answer)
    proxy = before(server.url, receiver.url, model="flights")
    assert ask(proxy.port, "POST", path, body, headers) == ask(server.port, "POST", path, body, headers)
    assert proxy.settle()
    stats = proxy.client.stats()
    assert stats["dropped"] == {}, stats["last_error"]
    assert [told(row) for row in receiver.rows()] == [(version, features, scores, None) for features, scores in rows]
    assert (stats["logged"], stats["sent"]) == (len(rows), len(rows))
    assert {row["status"] for row in receiver.rows()} == {"200"}
    assert receiver.bodies[0][0] == "/v1/models/flights/inferences"
    assert receiver.bodies[0][1]["watchglass-source"] == "proxy"


def test_names_task_and_path_of_ones_own(ask, model, server, before, receiver):
    """What bodies and path do not say is said once; and what is put to TorchServe is captured too."""
    model.answers |= {path: (200, [], b"[0.5]") for path in ("/score", "/predictions/other", INFER)}
    proxy = before(server.url, receiver.url, model="flights", path="/score", task="regression", columns="id,temp")
    for path in model.answers:
        ask(proxy.port, "POST", path, json.dumps([[7, 1.5]]))
    assert proxy.settle()
    (row,) = receiver.rows()
    assert (row["id"], row["features"], row["prediction"]) == ("7", {"temp": 1.5}, 0.5)
    second = before(server.url, receiver.url)
    ask(second.port, "PUT", "/predictions/other", json.dumps({"temp": 1.5}))
    assert second.settle()
    assert receiver.bodies[-1][0] == "/v1/models/other/inferences"


def test_a_raw_tensor_is_read_as_the_owner_says(ask, model, server, before, receiver):
    """Name, type and sizes are said once; a client's own header is believed before that."""
    answer = {"model_name": "flights", "model_version": "1", "outputs": [v2("p", P)]}
    model.answers[INFER] = (200, [JSON], json.dumps(answer).encode())
    proxy = before(server.url, receiver.url, model="flights", tensor="x FP64 2")
    body, raw = struct.pack("<4d", *MATRIX[0], *MATRIX[1]), {"inference-header-content-length": "0"}
    ask(proxy.port, "POST", INFER, body, raw)
    ask(proxy.port, "POST", INFER, body, raw | {"watchglass-tensor": "y FP64 2"})
    assert proxy.settle()
    assert proxy.client.stats()["dropped"] == {}
    found = [row["features"] for row in receiver.rows()]
    assert found == [{f"{name}-{place}": row[place] for place in (0, 1)} for name in "xy" for row in MATRIX]


def test_probes_pass_and_are_never_captured(ask, model, server, before, receiver):
    """By header in every dialect, or by V2's parameter, which the server gets too."""
    proxy = before(server.url, receiver.url)
    answer = json.dumps({"outputs": [v2("p", P)]}).encode()
    for path in (INFER, "/v1/models/flights:predict", "/predictions/flights"):
        model.answers[path] = (200, [], answer)
        assert ask(proxy.port, "POST", path, b"{}", {"watchglass-probe": "1"})[2] == answer
        assert dict(model.asked[-1].headers)[b"watchglass-probe"] == b"1"
    body = json.dumps({"inputs": [v2("x", [1.0, 2.0])], "parameters": {"watchglass_probe": True}})
    assert ask(proxy.port, "POST", INFER, body)[2] == answer
    assert proxy.settle()
    assert receiver.rows() == []
    assert (proxy.client.stats()["logged"], proxy.client.stats()["dropped"]) == (0, {})


def test_what_cannot_be_captured_is_counted(ask, model, server, before, receiver):
    """Errors of the model, bodies that are no tensors, unknown codings, too large ones, answers without a model."""
    proxy = before(server.url, receiver.url, max_body=1_000)
    model.answers[INFER] = (200, [], b"no tensors")
    ask(proxy.port, "POST", "/v1/models/gone:predict", b"{}")
    ask(proxy.port, "POST", INFER, json.dumps({"inputs": [v2("x", [1.0])]}))
    ask(proxy.port, "POST", INFER, b"x", {"content-encoding": "br"})
    ask(proxy.port, "POST", INFER, json.dumps({"inputs": [v2("x", [1.0] * 500)]}))
    ask(proxy.port, "POST", "/v2/repository/index", b"{}")
    ask(proxy.port, "GET", "/v2/models/flights")
    assert proxy.settle()
    stats = proxy.client.stats()
    assert stats["error_responses"] == 1
    assert stats["dropped"] == {"unserialisable": 2, "too_large": 500}


def test_copies_under_way_are_bounded_together(ask, model, server, before, receiver, monkeypatch):
    """Beyond the bound they are counted as of a full queue, and let go; afterwards there is room again."""
    monkeypatch.setattr("monitor.client.asgi.MAX_HELD", 2_000)
    proxy = before(server.url, receiver.url)
    model.answers[INFER] = (200, [], json.dumps({"outputs": [v2("p", [0.5])]}).encode())
    ask(proxy.port, "POST", INFER, json.dumps({"inputs": [v2("x", [1.0] * 900)]}))
    ask(proxy.port, "POST", INFER, json.dumps({"inputs": [v2("x", [1.0])]}))
    assert proxy.settle()
    assert len(receiver.rows()) == 1
    assert proxy.client.stats()["dropped"] == {"queue_full": 900}


@pytest.mark.parametrize("mood", ["up", "refusing", "hanging", "503"])
def test_no_mood_of_the_collector_is_noticed(ask, model, server, before, receiver, mood):
    """200 answers from four clients at once: identical to the server's own, none failed; rows arrive or wait."""
    url = receiver.url
    if mood == "refusing":
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    elif mood == "hanging":
        receiver.hang.set()
    elif mood == "503":
        receiver.status = 503
    proxy = before(server.url, url)
    rng = random.Random(5)
    paths = (INFER, "/v1/models/flights:predict", "/predictions/flights")
    for path, key in zip(paths, ("outputs", "predictions", "data"), strict=True):
        body = {key: [v2("p", [0.5])] if key == "outputs" else [0.5], "note": rng.randbytes(20_000).hex()}
        model.answers[path] = (200, [JSON], json.dumps(body).encode())
    expected = {path: ask(server.port, "POST", path, b"{}") for path in paths}
    asked = {
        INFER: json.dumps({"inputs": [v2("x", [1.5])]}),
        paths[1]: json.dumps({"instances": [{"x": 1.5}]}),
        paths[2]: json.dumps({"x": 1.5}),
    }
    with ThreadPoolExecutor(4) as pool:
        order = [paths[place % 3] for place in range(200)]
        answers = list(pool.map(lambda path: ask(proxy.port, "POST", path, asked[path]), order))
    assert answers == [expected[path] for path in order]
    if mood == "up":
        assert proxy.settle()
        assert len(receiver.rows()) == 200
    until(lambda: proxy.client.stats()["logged"] == 200)
    stats = proxy.client.stats()
    assert stats["dropped"] == {}
    assert proxy.proxy.counts == {}
