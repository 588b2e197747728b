"""The middleware: the served model's answers are the same bytes, and copies of them arrive."""

import asyncio
import gzip
import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware

INFER = "/v2/models/flights/infer"


async def infer(request: Request) -> Response:
    """Answer half of x for each row, oddly spaced so that re-encoding would show."""
    body = json.loads(await request.body())
    rows = body["inputs"][0]["data"]
    if rows and rows[0] == -1:
        return JSONResponse({"error": "no"}, status_code=400)
    if rows and rows[0] == -2:
        raise RuntimeError("broken model")
    answer = {"model_name": "flights", "id": body.get("id"), "outputs": [
        {"name": "p", "shape": [len(rows)], "datatype": "FP64", "data": [value / 2 for value in rows]}]}  # fmt: skip
    return Response(json.dumps(answer, indent=3), headers={"x-served": "yes"}, media_type="application/json")


async def streamed(request: Request) -> Response:
    """Answer in pieces."""
    whole = (await infer(request)).body

    async def pieces():
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    return StreamingResponse(pieces(), media_type="application/json")


def model() -> Starlette:
    return Starlette(
        routes=[
            Route(INFER, infer, methods=["POST", "GET"]),
            Route("/v2/models/{name}/versions/{version}/infer", streamed, methods=["POST"]),
            Route("/other", infer, methods=["POST"]),
        ]
    )


def body(values, **more):
    return json.dumps({**more, "inputs": [{"name": "x", "shape": [len(values)], "datatype": "FP64", "data": values}]})


def ask(app, requests):
    """Send requests one after another; returns the responses."""

    async def go():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            return [await http.post(path, content=content, headers=headers) for path, content, headers in requests]

    return asyncio.run(go())


@pytest.fixture
def watched(receiver):
    client = Client(receiver.url, "flights", version="7", flush_interval=0.01, timeout=60)
    app = CaptureMiddleware(model(), model="flights", version="7", client=client)
    yield app
    client.close(timeout=0)


def test_responses_are_the_same_bytes_with_and_without_us(watched):
    """Status, headers and body of every kind of answer."""
    requests = [(INFER, body([float(n), n / 3]), {}) for n in range(100)]
    requests += [
        (INFER, body([-1.0]), {}),
        (INFER, "not json", {}),
        ("/v2/models/flights/versions/3/infer", body([4.0]), {}),
    ]
    requests += [("/other", body([2.0]), {}), ("/nowhere", "", {}), (INFER, body([-2.0]), {})]
    for ours, plain in zip(ask(watched, requests), ask(model(), requests), strict=True):
        assert (ours.status_code, ours.headers.raw, ours.content) == (
            plain.status_code,
            plain.headers.raw,
            plain.content,
        )


def test_rows_of_a_request_become_inferences(watched, receiver):
    """Ids are the request's id and the row's number; latency, batch size, status and version are there."""
    ask(watched, [(INFER, body([4.0, 6.0], id="q"), {})])
    assert watched.client.flush(60)
    first, second = receiver.rows()
    assert (first["id"], second["id"]) == ("q:0", "q:1")
    assert first["features"] == {"x": 4.0}
    assert (first["scores"], second["scores"]) == ([2.0], [3.0])
    assert (first["version"], first["batch_size"], first["status"]) == ("7", 2, "200")
    assert 0 < first["latency_ms"] < 10_000


def test_ids_may_travel_as_a_tensor_and_times_as_a_header(watched, receiver):
    """An input named id is no feature; watchglass-time says when a replayed request was asked."""
    content = json.loads(body([4.0]))
    content["inputs"].append({"name": "id", "shape": [1], "datatype": "BYTES", "data": ["flight-1"]})
    ask(watched, [(INFER, json.dumps(content), {"watchglass-time": "2013-05-01T10:00:00+00:00"})])
    assert watched.client.flush(60)
    (row,) = receiver.rows()
    assert row["id"] == "flight-1"
    assert row["features"] == {"x": 4.0}
    assert row["time"] == "2013-05-01T10:00:00+00:00"


def test_model_and_version_come_from_the_path(receiver):
    """A server of several models needs one line too."""
    app = CaptureMiddleware(model(), url=receiver.url)
    ask(app, [("/v2/models/taxis/versions/3/infer", body([4.0]), {})])
    assert app.client.flush(60)
    app.client.close()
    (path, _, rows), *_ = receiver.bodies
    assert path == "/v1/models/taxis/inferences"
    assert rows[0]["version"] == "3"


def test_probes_are_never_captured(watched, receiver):
    """Neither by header nor by parameter."""
    ask(
        watched,
        [
            (INFER, body([4.0]), {"watchglass-probe": "1"}),
            (INFER, body([4.0], parameters={"watchglass_probe": True}), {}),
        ],
    )
    assert watched.client.flush(60)
    assert receiver.rows() == []
    assert watched.client.stats()["dropped"] == {}


def test_other_paths_and_methods_are_left_alone(watched, receiver):
    """Only inference requests are looked at."""
    ask(watched, [("/other", body([2.0]), {}), ("/nowhere", "", {})])
    assert watched.client.stats()["logged"] == 0


def test_failed_requests_are_counted_not_captured(watched, receiver):
    """A 400 is an error response; so is the 500 that a framework makes of an exception."""
    ask(watched, [(INFER, body([-1.0]), {}), (INFER, body([-2.0]), {})])
    stats = watched.client.stats()
    assert (stats["error_responses"], stats["errors"], stats["logged"]) == (2, 0, 0)


def test_bodies_that_are_too_large_or_no_tensors_are_counted(receiver):
    """By rows where the request says how many."""

    async def odd(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    app = CaptureMiddleware(odd, url=receiver.url, max_body=300)
    ask(app, [(INFER, body([1.0, 2.0]), {}), (INFER, body([1.0] * 200), {})])
    assert app.client.flush(60)
    app.client.close()
    assert app.client.stats()["dropped"] == {"unserialisable": 2, "too_large": 200}


@pytest.mark.parametrize(
    ("path", "asked", "answered"),
    [
        ("/v1/models/taxis/versions/3:predict", {"instances": [{"x": 4.0}]}, {"predictions": [2.0]}),
        ("/predictions/taxis/3", {"x": 4.0}, 2.0),
    ],
)
def test_other_dialects_compressed_and_in_pieces_are_read_too(receiver, path, asked, answered):
    """TensorFlow Serving, KServe V1 and TorchServe; headers that can be read but once are passed on all the same."""
    coded = gzip.compress(json.dumps(answered).encode())

    async def served(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        headers = ((name, value) for name, value in [(b"content-encoding", b"gzip"), (b"x-served", b"yes")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": coded[:9], "more_body": True})
        await send({"type": "http.response.body", "body": coded[9:]})

    app = CaptureMiddleware(served, url=receiver.url)
    (response,) = ask(app, [(path, gzip.compress(json.dumps(asked).encode()), {"content-encoding": "gzip"})])
    assert (response.headers["x-served"], response.json()) == ("yes", answered)
    assert app.client.flush(60)
    app.client.close()
    (row,) = receiver.rows()
    assert (row["version"], row["features"], row["scores"]) == ("3", {"x": 4.0}, [2.0])


def test_answers_without_an_end_are_counted_not_captured(watched):
    """An application that returns before its answer is whole."""

    async def cut(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})

    async def ignored(message):
        return None

    watched.app = cut
    asyncio.run(watched({"type": "http", "method": "POST", "path": INFER, "headers": []}, None, ignored))
    stats = watched.client.stats()
    assert (stats["unfinished"], stats["errors"], stats["logged"], watched.held) == (1, 0, 0, 0)


def test_only_the_given_path_is_captured(receiver):
    """A path of one's own."""
    app = CaptureMiddleware(model(), url=receiver.url, model="flights", path="/other")
    ask(app, [("/other", body([2.0]), {}), (INFER, body([4.0]), {})])
    assert app.client.flush(60)
    app.client.close()
    assert [row["features"]["x"] for row in receiver.rows()] == [2.0]


def test_websockets_and_lifespan_pass_untouched():
    """What is not HTTP is not ours."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    wrapped = CaptureMiddleware(app)
    parts = ({"type": "lifespan"}, object(), object())
    asyncio.run(wrapped(*parts))
    assert seen == [parts]
