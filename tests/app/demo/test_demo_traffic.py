"""Requests as the demo sends them, answered by the demo's server: the protocol, the order, and what is left out."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo import data, train
from app.demo.serve_model import create_app
from app.demo.story import INFER
from app.demo.traffic import portions, request_body


@pytest.fixture(scope="module")
def model():
    return train.train(data.flights().slice(0, 1500), seed=3, epochs=1)[0]


@pytest.fixture(scope="module")
def server(model):
    async def ask(method: str, path: str, body: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(create_app(model, "7"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, content=body)

    return lambda method, path, body=b"": asyncio.run(ask(method, path, body))


@given(rows=st.integers(0, 500), largest=st.integers(1, 40), seed=st.integers(0, 9))
def test_portions_cover_every_row_once_in_order(rows, largest, seed) -> None:
    cut = list(portions(rows, largest, seed))
    assert [start for start, _ in cut] == [0, *(end for _, end in cut)][: len(cut)]
    assert sum(end - start for start, end in cut) == rows
    assert all(1 <= end - start <= largest for start, end in cut)
    assert cut == list(portions(rows, largest, seed))


def test_the_server_answers_what_the_model_says_row_by_row(model, server) -> None:
    flights = data.between(datetime(2013, 8, 12, tzinfo=UTC), datetime(2013, 8, 13, tzinfo=UTC)).slice(0, 40)
    body = request_body(flights.to_pydict(), flights["id"].to_pylist())
    reply = server("POST", INFER, body)
    assert reply.status_code == 200
    answer = reply.json()
    assert (answer["model_name"], answer["model_version"]) == ("flights", "7")
    (output,) = answer["outputs"]
    assert (output["shape"], output["datatype"]) == ([40], "FP64")
    assert np.allclose(output["data"], model.predict(data.columns(flights)), atol=1e-6, rtol=0)


def test_a_request_is_open_inference_protocol_with_one_tensor_a_column() -> None:
    flights = data.flights().slice(0, 3)
    body = json.loads(request_body(flights.to_pydict(), flights["id"].to_pylist()))
    assert [tensor["name"] for tensor in body["inputs"]] == [*data.COLUMNS, "id"]
    for tensor in body["inputs"]:
        assert tensor["shape"] == [3]
        assert len(tensor["data"]) == 3
        assert tensor["datatype"] in {"BYTES", "INT64", "FP64"}
    delay = next(tensor for tensor in body["inputs"] if tensor["name"] == "airport_delay")
    assert delay["data"] == [None, None, None]  # nobody had left yet in 2013


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"inputs": []}', b'{"inputs": [{"name": "hour", "data": ["x"]}]}'])
def test_what_it_cannot_answer_gets_400_with_the_reason(server, body) -> None:
    reply = server("POST", INFER, body)
    assert reply.status_code == 400
    assert "not a request" in reply.json()["error"]


def test_ready_only_says_that_it_is(server) -> None:
    assert server("GET", "/v2/health/ready").json() == {"ready": True}
