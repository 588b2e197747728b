"""A served model as a black box, against a small V2 server on loopback."""

import numpy as np
import pytest
from zoo_rows import columns, make_rows
from zoo_server import V2Server

from explain.models import LOOPBACK, Allowed
from explain.models.endpoint import EndpointAdapter
from monitor.config.address import check_address
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Feature, Kind, ModelSchema, Task


@pytest.fixture
def server(v2_server):
    return v2_server


@pytest.fixture
def ask(server, schema):
    """Return a function that asks the server through the adapter."""
    opened = []

    def predict(rows, **spec):
        model = EndpointAdapter.load({"url": server.url, **spec}, schema, Allowed())
        opened.append(model)
        return model.predict(columns(rows, schema))

    yield predict
    for model in opened:
        model.close()


def test_every_row_is_answered_in_order_in_requests_of_at_most_512(server, ask):
    rows = make_rows(1_200)
    expected = [0.25 if value is None else 0.5 + value / 100 for value in rows["delay"]]
    assert ask(rows).tolist() == pytest.approx(expected)
    sizes = [len(body["inputs"][0]["data"]) for _, body in server.requests]
    assert sorted(sizes) == [176, 512, 512]


def test_every_request_is_marked_as_a_probe(server, ask):
    ask(make_rows(600))
    assert [headers["watchglass-probe"] for headers, _ in server.requests] == ["1", "1"]
    assert all(body["parameters"] == {"watchglass_probe": True} for _, body in server.requests)


def test_one_tensor_per_feature_with_its_type_and_null(server, schema, ask):
    ask({"carrier": ["AA", None], "delay": [1.5, None], "seats": [100, None], "spare": [True, None]})
    assert server.requests[0][1]["inputs"] == [
        {"name": "carrier", "shape": [2, 1], "datatype": "BYTES", "data": ["AA", None]},
        {"name": "delay", "shape": [2, 1], "datatype": "FP64", "data": [1.5, None]},
        {"name": "seats", "shape": [2, 1], "datatype": "INT64", "data": [100, None]},
        {"name": "spare", "shape": [2, 1], "datatype": "BOOL", "data": [True, None]},
    ]


def test_the_output_and_the_number_type_can_be_named(server, ask):
    server.answers = [(200, {"outputs": [{"name": "a", "datatype": "FP64", "shape": [1], "data": [1.0]},
                                         {"name": "b", "datatype": "FP64", "shape": [1], "data": [2.0]}]})]  # fmt: skip
    assert ask(make_rows(1), output="b", datatype="FP32").tolist() == [2.0]
    assert server.requests[0][1]["inputs"][1]["datatype"] == "FP32"


def test_classes_come_row_by_row(server, schema):
    several = ModelSchema(model="m", task=Task.MULTICLASS, features=schema.features, classes=("a", "b", "c"))
    data = [0.2, 0.3, 0.5, 0.1, 0.1, 0.8]
    server.answers = [(200, {"outputs": [{"name": "p", "datatype": "FP32", "shape": [2, 3], "data": data}]})]
    model = EndpointAdapter.load({"url": server.url}, several, Allowed())
    np.testing.assert_array_equal(model.predict(columns(make_rows(2), several)), np.reshape(data, (2, 3)))
    model.close()


def test_a_timestamp_is_sent_in_iso_8601(server):
    one = ModelSchema(model="m", task=Task.BINARY, features=(Feature(name="delay", kind=Kind.TIMESTAMP),))
    server.answers = [(200, {"outputs": [{"name": "p", "datatype": "FP64", "shape": [1], "data": [1.0]}]})]
    model = EndpointAdapter.load({"url": server.url}, one, Allowed())
    model.predict({"delay": np.array([86_400.0])})
    model.close()
    assert server.requests[0][1]["inputs"][0]["data"] == ["1970-01-02T00:00:00+00:00"]


def test_a_server_that_is_briefly_unavailable_is_asked_again(server, ask):
    server.answers = [(503, {"error": "starting"}), (502, {"error": "starting"})]
    assert len(ask(make_rows(3))) == 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (500, {"error": "boom"}, "answered HTTP 500.*boom.*200 is needed"),
        (302, {}, "answered HTTP 302"),
        (200, b"<html>", "did not answer V2 JSON"),
        (200, {"outputs": []}, "did not answer V2 JSON with an output of a float type"),
        (200, {"outputs": [{"name": "p", "datatype": "FP64", "shape": [9], "data": [1.0]}]}, "did not answer V2 JSON"),
        (200, {"outputs": [{"name": "p", "datatype": "FP64", "shape": [1], "data": [1.0]}]}, r"answered \(1,\) for 2"),
    ],
)
def test_anything_but_v2_json_says_what_came(server, ask, status, answer, said):
    server.answers = [(status, answer)]
    with pytest.raises(Unavailable, match=said):
        ask(make_rows(2))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server, ask, status):
    """It would lead to 169.254.169.254, where clouds keep credentials."""
    server.answers = [(status, {})]
    with pytest.raises(Unavailable, match=f"answered HTTP {status}.*200 is needed"):
        ask(make_rows(1))
    assert len(server.requests) == 1


def test_a_server_that_says_nothing_is_given_up_in_time_and_asked_again_later(server, ask):
    server.answers = [(200, None)]
    with pytest.raises(Unavailable, match=r"does not answer: .*timed out.*is the model served"):
        ask(make_rows(2), timeout_s=1, retries=0)
    assert len(ask(make_rows(2))) == 2


def answer(*shape):
    return (200, {"outputs": [{"name": "p", "datatype": "FP64", "shape": shape, "data": [0.5] * int(np.prod(shape))}]})


def test_one_answer_too_many_and_one_too_few_do_not_pass_for_all(server, ask):
    server.answers = [answer(3), answer(1)]
    with pytest.raises(Unavailable, match=r"answered \((3|1),\) for 2 rows"):
        ask(make_rows(4), rows_per_request=2, concurrency=1)


def test_requests_that_differ_in_what_they_answer_are_refused(server, schema):
    several = ModelSchema(model="m", task=Task.MULTICLASS, features=schema.features, classes=("a", "b", "c"))
    server.answers = [answer(2, 3), answer(2, 2)]
    model = EndpointAdapter.load({"url": server.url, "rows_per_request": 2, "concurrency": 1}, several, Allowed())
    with pytest.raises(Unavailable, match="every request must have the same"):
        model.predict(columns(make_rows(4), several))
    model.close()


def test_nobody_there_says_so(schema):
    running = V2Server()
    running.close()
    model = EndpointAdapter.load({"url": running.url}, schema, Allowed())
    with pytest.raises(Unavailable, match="does not answer"):
        model.predict(columns(make_rows(1), schema))


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "http://example.com/v2",
        "http://127.0.0.1.example.com/v2",
        "http://127.0.0.1@example.com/v2",
        "http://user:secret@127.0.0.1/v2",
        "http://user:sec/secret@127.0.0.1/v2",
        "http://user:secret@127.0.0.1:secret/v2@1",
        "ftp://user:secret@127.0.0.1/v2",
        "user:secret@127.0.0.1",
        "http://user:secret@[::1",
        "http://127.0.0.1:99999/v2",
        "file:///etc/passwd",
        "//127.0.0.1/v2",
        "http://",
        "127.0.0.1:80",
    ],
)
def test_only_listed_hosts_are_contacted(url, schema):
    with pytest.raises(InvalidInput, match="endpoint") as refused:
        EndpointAdapter.load({"url": url}, schema, Allowed())
    assert "secret" not in str(refused.value)


def test_a_listed_host_may_be_bound_to_its_port():
    check_address("https://models.internal:8443/v2", ("models.internal:8443",), "endpoint")
    with pytest.raises(InvalidInput, match=r"models\.internal:8443"):
        check_address("https://models.internal/v2", ("models.internal:8443",), "endpoint")
    for host in ("localhost", "127.0.0.1", "[::1]"):
        check_address(f"http://{host}:9000/v2", LOOPBACK, "endpoint")


def test_dialect_and_datatype_are_checked(schema):
    with pytest.raises(InvalidInput, match=r"dialect 'v9' is not known; use one of: v2, v2_binary, v1, torchserve"):
        EndpointAdapter.load({"url": "http://localhost/x", "dialect": "v9"}, schema, Allowed())
    with pytest.raises(InvalidInput, match="FP64"):
        EndpointAdapter.load({"url": "http://localhost/x", "datatype": "BF16"}, schema, Allowed())
