"""KServe's logger: events in both modes, of either side, however the body is packed."""

import base64
import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.collectors.inflate import inflated
from monitor.collectors.kserve import KServe
from monitor.collectors.pairing import is_probe, pair
from monitor.errors import InvalidInput

REQUEST = {
    "ce-specversion": "1.0",
    "ce-id": "36077800",
    "ce-type": "org.kubeflow.serving.inference.request",
    "ce-source": "http://localhost:9081/",
    "ce-time": "2026-11-21T20:40:28.725081123Z",
    "ce-inferenceservicename": "iris",
    "ce-namespace": "prod",
    "ce-component": "predictor",
    "ce-endpoint": "default",
    "content-type": "application/json",
}
RESPONSE = {**REQUEST, "ce-type": "org.kubeflow.serving.inference.response", "ce-time": "2026-11-21T20:40:29Z"}
V1_ASKED, V1_ANSWERED = b'{"instances": [[5.5, 3.5], [6.25, 2.5]]}', b'{"predictions":[[0.25,0.75],[0.5,0.5]]}'
V2_ASKED = b'{"id": "r", "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [5.5, 3.5, 6.25, 2.5]}]}'
V2_ANSWERED = (
    b'{"model_name":"m","model_version":null,"id":"r","parameters":null,"outputs":[{"name":"p","shape":[2,2],'
    b'"datatype":"FP64","parameters":null,"data":[0.25,0.75,0.5,0.5]}]}'
)


def half(body, headers):
    (found,) = KServe().parse(body, headers)
    return found


def binary(side, name, values):
    head = {
        "name": name,
        "shape": list(values.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": values.nbytes},
    }
    return json.dumps({side: [head]}).encode() + values.tobytes()


def structured(headers, **more):
    event = {key[3:]: value for key, value in headers.items() if key.startswith("ce-")}
    return json.dumps({**event, "datacontenttype": "application/json", **more}).encode()


@pytest.mark.parametrize(
    ("asked", "answered", "column"), [(V1_ASKED, V1_ANSWERED, "input"), (V2_ASKED, V2_ANSWERED, "x")]
)
def test_halves_carry_what_pairs_them(asked, answered, column):
    """The event's id joins them; a client's own id names the rows."""
    first, second = half(asked, REQUEST), half(answered, RESPONSE)
    assert first.exchange == second.exchange == "36077800"
    assert (first.side, second.side) == ("request", "response")
    assert first.time == datetime(2026, 11, 21, 20, 40, 28, 725081, tzinfo=UTC)
    assert (first.parameters["ce-namespace"], first.parameters["ce-endpoint"]) == ("prod", "default")
    assert first.model == "iris"
    rows = pair(first, second)
    assert [row.features for row in rows] == [
        {f"{column}-0": 5.5, f"{column}-1": 3.5},
        {f"{column}-0": 6.25, f"{column}-1": 2.5},
    ]
    assert [row.scores for row in rows] == [(0.25, 0.75), (0.5, 0.5)]
    assert [row.id for row in rows] == (
        [f"r:{row}" for row in range(2)] if column == "x" else ["36077800:0", "36077800:1"]
    )
    assert rows[0].time == first.time


@pytest.mark.parametrize("wrong", ["application/octet-stream", "text/plain", "multipart/form-data; boundary=x", ""])
def test_what_is_said_of_the_body_is_not_believed(wrong):
    """A response carries its request's content type, and the binary header is the request's or lost."""
    values = np.array([[0.25, 0.75]], "<f4")
    packed = binary("outputs", "p", values)
    for headers in ({**RESPONSE, "content-type": wrong}, {**RESPONSE, "inference-header-content-length": "7"}):
        assert half(V1_ANSWERED, headers).columns == {"output": [[0.25, 0.75], [0.5, 0.5]]}
        assert half(packed, headers).columns == {"p": values.tolist()}
        assert half(gzip.compress(packed), headers).columns == {"p": values.tolist()}


def test_gzip_is_told_by_its_first_bytes():
    """With Content-Encoding or without; several members are one body."""
    middle = len(V2_ASKED) // 2
    members = gzip.compress(V2_ASKED[:middle]) + gzip.compress(V2_ASKED[middle:])
    for body in (gzip.compress(V2_ASKED), members):
        for headers in (REQUEST, {**REQUEST, "content-encoding": "gzip"}):
            assert half(body, headers) == half(V2_ASKED, REQUEST)
    assert half(V2_ASKED, {**REQUEST, "content-encoding": "gzip"}) == half(V2_ASKED, REQUEST)


def test_structured_mode_says_the_same():
    """The data as JSON, as text, or in base64; NaN in it as Python writes it; events in a batch."""
    values = np.array([[5.5, 3.5]], "<f4")
    content = {"content-type": "application/cloudevents+json; charset=utf-8"}
    expected = half(V1_ASKED, REQUEST)
    for more in (
        {"data": json.loads(V1_ASKED)},
        {"data": V1_ASKED.decode()},
        {"data_base64": base64.b64encode(V1_ASKED).decode()},
    ):
        found = half(structured(REQUEST, **more), content)
        assert (found.columns, found.exchange, found.time, found.model) == (
            expected.columns, expected.exchange, expected.time, expected.model,
        )  # fmt: skip
        assert half(structured(REQUEST, **more), {}).columns == expected.columns
    packed = base64.b64encode(binary("inputs", "x", values)).decode()
    assert half(structured(REQUEST, data_base64=packed), content).columns == {"x": values.tolist()}
    assert str(half(structured(RESPONSE, data={"predictions": [float("nan")]}), content).columns) == "{'output': [nan]}"
    batch = (
        b"["
        + structured(REQUEST, data=json.loads(V1_ASKED))
        + b","
        + structured(RESPONSE, data=json.loads(V1_ANSWERED))
        + b"]"
    )
    both = list(KServe().parse(batch, {"content-type": "application/cloudevents-batch+json"}))
    assert [each.side for each in both] == ["request", "response"]
    assert both[0].columns == expected.columns


def test_a_bad_event_of_a_batch_does_not_cost_the_others():
    """The good ones come, then the error."""
    batch = b"[" + structured(REQUEST, data=json.loads(V1_ASKED)) + b", {}]"
    events = iter(KServe().parse(batch, {"content-type": "application/cloudevents-batch+json"}))
    assert next(events).exchange == "36077800"
    with pytest.raises(InvalidInput, match="1 of 2 events"):
        next(events)


def test_headers_that_were_passed_on_are_used():
    """A probe of ours is never captured; a request's own id names its rows."""
    metadata = json.dumps({"Watchglass-Probe": ["1"], "X-Request-Id": ["abc-1"]})
    found = half(V1_ASKED, {**REQUEST, "ce-metadata": metadata})
    assert is_probe(found)
    assert found.id == "abc-1"
    for broken in ("{", "[1]", '{"X-Request-Id": []}', "null"):
        assert half(V1_ASKED, {**REQUEST, "ce-metadata": broken}).id is None


@pytest.mark.parametrize("time", ["2026-13-45", "", "soon", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_cannot_be_read_is_kept_as_text(time):
    """The receiver's time stands for it."""
    found = half(V1_ASKED, {**REQUEST, "ce-time": time})
    assert found.time is None
    assert found.parameters["ce-time"] == time


def test_an_event_of_a_custom_predictor_is_read_as_it_is():
    """KServe runs any server."""
    assert half(b'[{"x": 1}, {"x": 2}]', REQUEST).columns == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (V1_ASKED, {}, "no specversion"),
        (b"[1]", {}, "got list"),
        (V1_ASKED, {"ce-id": "e"}, "type ''"),
        (V1_ASKED, {**REQUEST, "ce-id": ""}, "id ''"),
        (V1_ASKED, {**REQUEST, "ce-type": "other"}, "'other'"),
        (V1_ASKED, RESPONSE, "other side"),
        (b"plain text", REQUEST, "JSON"),
        (b"", REQUEST, "empty"),
        (b'{"error": "boom"}', RESPONSE, "boom"),
        (gzip.compress(V1_ASKED, mtime=0)[:-9], REQUEST, "cut short"),
        (b"\x1f\x8b" + V1_ASKED, REQUEST, "begins as gzip"),
        (gzip.compress(gzip.compress(V1_ASKED, mtime=0), mtime=0), REQUEST, "gzip inside gzip"),
        (structured(REQUEST, data_base64="!"), {}, "base64"),
        (structured(REQUEST), {}, "neither data"),
        (b"null", REQUEST, "NoneType"),
    ],
)
def test_what_is_no_event_of_an_inference_is_refused_with_the_reason(body, headers, says):
    """And named as KServe's."""
    with pytest.raises(InvalidInput, match=f"kserve.*{says}"):
        half(body, headers)


def test_a_bomb_is_stopped_at_the_limit():
    """No more than the limit is ever held."""
    bomb = gzip.compress(bytes(1 << 20))
    assert len(inflated(bomb, name="x")) == 1 << 20
    with pytest.raises(InvalidInput, match="1,000 bytes"):
        inflated(bomb, name="x", limit=1_000)
