"""How served models are asked beside V2 JSON, how fast, and to which machine a name leads."""

import json
import struct

import numpy as np
import pytest
from zoo_rows import columns, make_rows

from explain.address import resolved
from explain.dialects import BINARY_HEADER, DIALECTS, Wish
from explain.models import Allowed
from explain.models.endpoint import EndpointAdapter, Pace
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Feature, Kind, ModelSchema, Task

ROWS = {"carrier": ["AA", "Ü"], "delay": [1.5, -2.0], "seats": [100, None], "spare": [True, False]}


def test_a_binary_v2_request_has_its_tensors_behind_the_json_and_nulls_in_it(schema):
    body, headers = DIALECTS["v2_binary"][1](columns(ROWS, schema), Wish(schema, "FP32"))
    size = int(headers[BINARY_HEADER])
    head, tail = json.loads(body[:size]), body[size:]
    carrier, delay, seats, spare = head["inputs"]
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"AA", "Ü".encode()))
    assert carrier["parameters"]["binary_data_size"] == len(texts)
    assert tail == texts + np.array([1.5, -2.0], "<f4").tobytes() + np.array([True, False]).tobytes()
    assert (delay["datatype"], delay["shape"], "data" in delay) == ("FP32", [2, 1], False)
    assert seats == {"name": "seats", "shape": [2, 1], "datatype": "INT64", "data": [100, None]}
    assert spare["datatype"] == "BOOL"
    assert head["parameters"]["binary_data_output"] is True


def test_a_binary_v2_response_is_read_past_outputs_that_are_not_wanted(schema):
    scores = np.array([0.25, 0.75], "<f4")
    outputs = [
        {"name": "label", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 4}},
        {"name": "p", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": 8}},
    ]
    head = json.dumps({"outputs": outputs}).encode()
    found = DIALECTS["v2_binary"][2](head + b"xxxx" + scores.tobytes(), {BINARY_HEADER: str(len(head))}, Wish(schema))
    assert found.tolist() == [[0.25], [0.75]]


def test_v1_and_torchserve_get_an_object_for_each_row(schema):
    given = columns(ROWS, schema)
    rows = [
        {"carrier": "AA", "delay": 1.5, "seats": 100, "spare": True},
        {"carrier": "Ü", "delay": -2.0, "seats": None, "spare": False},
    ]
    assert json.loads(DIALECTS["v1"][1](given, Wish(schema))[0]) == {"instances": rows}
    assert json.loads(DIALECTS["torchserve"][1](given, Wish(schema))[0]) == rows
    one = {name: column[:1] for name, column in given.items()}
    assert json.loads(DIALECTS["torchserve"][1](one, Wish(schema))[0]) == rows[0]


@pytest.mark.parametrize(
    ("dialect", "answer", "output"),
    [
        ("v1", {"predictions": [[0.1, 0.9], [0.8, 0.2]]}, None),
        ("v1", {"predictions": [{"p": [0.1, 0.9]}, {"p": [0.8, 0.2]}]}, "p"),
        ("torchserve", [{"on time": 0.1, "late": 0.9}, {"late": 0.2, "on time": 0.8}], None),
        ("torchserve", {"predictions": [[0.1, 0.9], [0.8, 0.2]]}, None),
    ],
)
def test_answers_by_class_come_in_the_schemas_order(schema, dialect, answer, output):
    found = DIALECTS[dialect][2](json.dumps(answer).encode(), {}, Wish(schema, output=output))
    assert found.tolist() == [[0.1, 0.9], [0.8, 0.2]]


def test_images_and_sequences_keep_their_shape():
    several = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="image", kind=Kind.IMAGE),))
    body, _ = DIALECTS["v2"][1]({"image": np.arange(12.0).reshape(2, 3, 2)}, Wish(several))
    tensor = json.loads(body)["inputs"][0]
    assert (tensor["shape"], tensor["datatype"], tensor["data"][0][1]) == ([2, 3, 2], "FP64", [2.0, 3.0])


def test_rows_per_request_retries_and_concurrency_are_the_owners(v2_server, schema):
    spec = {"url": v2_server.url, "rows_per_request": 10, "concurrency": 3, "retries": 0}
    model = EndpointAdapter.load(spec, schema, Allowed())
    rows = make_rows(95)
    expected = [0.25 if value is None else 0.5 + value / 100 for value in rows["delay"]]
    assert model.predict(columns(rows, schema)).tolist() == pytest.approx(expected)
    assert sorted(len(body["inputs"][0]["data"]) for _, body in v2_server.requests) == [5, *[10] * 9]
    assert Pace.of(spec).requests(95) == 10
    v2_server.answers = [(503, {"error": "starting"})]
    with pytest.raises(Unavailable, match="503"):
        model.predict(columns(make_rows(1), schema))
    model.close()


@pytest.mark.parametrize(
    "given", [{"rows_per_request": 0}, {"concurrency": 1.5}, {"retries": True}, {"timeout_s": 301}]
)
def test_a_pace_out_of_range_is_refused_with_what_is_allowed(v2_server, schema, given):
    with pytest.raises(InvalidInput, match=f"{next(iter(given))} must be a whole number from"):
        EndpointAdapter.load({"url": v2_server.url, **given}, schema, Allowed())


def test_a_name_is_looked_up_once_and_bound_to_that_machine(v2_server, schema, monkeypatch):
    """A name that leads to another machine from the second look-up on: the first one is asked, under the name."""
    answers = iter(["127.0.0.1"])
    url = f"http://models.example:{v2_server.server_port}/v2/models/m/infer"
    monkeypatch.setattr("explain.address._look_up", lambda *_: next(answers))
    model = EndpointAdapter.load({"url": url}, schema, Allowed(endpoints=("models.example", "127.0.0.1")))
    for _ in range(2):
        model.predict(columns(make_rows(3), schema))
    model.close()
    hosts = {{name.lower(): value for name, value in headers.items()}["host"] for headers, _ in v2_server.requests}
    assert hosts == {f"models.example:{v2_server.server_port}"}


@pytest.mark.parametrize(
    "ip",
    [
        *("169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "127.0.0.1", "127.0.1.1", "::1", "0.0.0.1"),
        *("::ffff:169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "255.255.255.255"),
        *("fd00:ec2::254", "100.100.100.200"),
    ],
)
def test_a_listed_name_that_leads_to_a_machines_own_services_is_refused(ip):
    with pytest.raises(InvalidInput, match="where machines keep their own services"):
        resolved("http://models.example/x", ("models.example",), lambda *_: ip)
    assert resolved("http://models.example/x", ("models.example", ip), lambda *_: ip).ip == ip


@pytest.mark.parametrize("ip", ["10.0.0.7", "192.168.1.4", "93.184.216.34", "fd12::7", "2606:2800:220:1::1"])
def test_a_listed_name_may_lead_to_machines_of_the_house_and_of_the_world(ip):
    assert resolved("http://models.example/x", ("models.example",), lambda *_: ip).ip == ip
    assert resolved("http://localhost/x", ("localhost",), lambda *_: "127.0.0.1").ip == "127.0.0.1"


def test_a_name_that_nobody_knows_says_so():
    def unknown(*_):
        raise OSError("no such name")

    with pytest.raises(Unavailable, match=r"models\.example.*is its name right"):
        resolved("https://models.example/x", ("models.example",), unknown)
