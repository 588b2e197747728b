"""Triton's trace files: events joined into exchanges."""

import json

import pytest

from monitor.collectors.triton_trace import TritonTrace
from monitor.errors import InvalidInput


def head(place, model="flights", **more):
    return {"id": place, "model_name": model, "model_version": 3, **more}


def stamp(place, name, ns):
    return {"id": place, "timestamps": [{"name": name, "ns": ns}]}


def tensor(place, activity, name, data, shape, dtype="FP32"):
    return {"id": place, "activity": activity, "tensor": {"name": name, "data": data, "shape": shape, "dtype": dtype}}


def asked(place, data="1.5,2.5", shape="1,2", dtype="FP32", name="x"):
    return tensor(place, "TENSOR_QUEUE_INPUT", name, data, shape, dtype)


def answered(place, data="0.25,0.75", shape="1,2"):
    return tensor(place, "TENSOR_BACKEND_OUTPUT", "p", data, shape)


def rows(events, **headers):
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    return list(TritonTrace().parse(body, {key.replace("_", "-"): value for key, value in headers.items()}))


def test_events_of_one_id_are_an_exchange():
    """In whatever order and mixture they come."""
    events = [
        *(head(1, request_id="q"), head(2), stamp(1, "REQUEST_START", 5_000_000)),
        *(asked(2, "7,8,9,10", "2,2"), asked(1), answered(2, "0.5,0.25", "2,1")),
        *(asked(1, '"AA"', "1,1", "BYTES", "carrier"), stamp(1, "REQUEST_END", 6_500_000)),
        *(tensor(1, "TENSOR_BACKEND_INPUT", "x", "0,0", "1,2"), answered(1)),
    ]
    first, second, third = rows(events)
    assert (first.id, first.version, first.latency_ms, first.time) == ("q:0", "3", 1.5, None)
    assert (first.features, first.scores) == ({"x-0": 1.5, "x-1": 2.5, "carrier": "AA"}, (0.25, 0.75))
    assert [second.features, third.features] == [{"x-0": 7.0, "x-1": 8.0}, {"x-0": 9.0, "x-1": 10.0}]
    assert [second.scores, third.scores, second.id] == [(0.5,), (0.25,), None]


def test_a_file_that_is_still_open_is_read_as_far_as_it_goes():
    """Triton writes the last bracket when it stops."""
    body = json.dumps([head(1), asked(1), answered(1)]).encode()
    assert rows(body[:-1]) == rows(body[:-1] + b",") == rows(body)


@pytest.mark.parametrize(
    ("data", "dtype", "expected"),
    [
        ("1,0", "BOOL", [True, False]),
        ("-7,9223372036854775807", "INT64", [-7, 2**63 - 1]),
        ("1e-05,nan", "FP64", "[1e-05, nan]"),
        (r'"a,b","c"', "BYTES", ["a,b", "c"]),
        ("\x01,A", "INT8", [1, 65]),
        ("5,6", "UINT8", [5, 6]),
        ("", "INT32", []),
    ],
)
def test_values_of_every_datatype(data, dtype, expected):
    """As Triton's stream writes them: small integers are characters."""
    count = 2 if data else 0
    (half,) = rows([head(1), asked(1, data, str(count), dtype)])
    assert half.columns["x"] == expected or str(half.columns["x"]) == expected


def test_small_integers_beyond_text_are_bytes():
    """No UTF-8, and yet JSON to Triton."""
    body = json.dumps([head(1), asked(1, "?,A", "2", "INT8")]).encode().replace(b"?", b"\xfe")
    assert rows(body)[0].columns["x"] == [-2, 65]


def test_steps_of_an_ensemble_are_not_inferences_of_their_own():
    """Unless their model is asked for."""
    events = [head(1), asked(1), answered(1), head(2, "step", parent_id=1), asked(2, "9,9"), answered(2)]
    assert len(rows(events)) == 1
    (step,) = rows(events, watchglass_model="step")
    assert step.features == {"x-0": 9.0, "x-1": 9.0}


def test_a_side_alone_and_sides_that_differ_are_halves():
    """Seen to be unpaired, not lost."""
    (half,) = rows([head(1, model_version=-1), answered(1)])
    assert (half.side, half.exchange, half.model, half.version) == ("response", "1", "flights", None)
    assert [half.rows for half in rows([head(1), asked(1, "1,2,3", "3"), answered(1, "1,2", "2")])] == [3, 2]


def test_a_regression_says_so():
    """Floats are the prediction then."""
    (row,) = rows([head(1), asked(1), answered(1, "12.5", "1,1")], watchglass_task="regression")
    assert row.prediction == 12.5


def test_a_bad_trace_does_not_cost_the_others():
    """The good ones come, then the error with the bad one's id."""
    events = [head(1), asked(1), answered(1), head(2), asked(2, "", "1,2", "FP16")]
    found = iter(TritonTrace().parse(json.dumps(events).encode(), {}))
    assert next(found).scores == (0.25, 0.75)
    with pytest.raises(InvalidInput, match=r"1 of 2 traces .* trace 2: .*does not trace the values of FP16"):
        next(found)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (b"", "allowed"),
        (b"{}", "array"),
        ([1], "array"),
        ([{"id": "a", "features": {}}], "keys"),
        ([{"id": 1}], "keys"),
        ([head(1), asked(1, "1,2", "3")], "needs 3 values, got 2"),
        ([head(1), asked(1, "", "1000000000,1000000000")], "got 0"),
        ([head(1), asked(1, "a", "1")], "numbers by commas"),
        ([head(1), asked(1, "1", "x")], "numbers by commas"),
        ([head(1), asked(1, "1", "1", "FP99")], "FP99"),
        ([head(1), asked(1, "1", "1"), asked(1, "1", "1")], "two columns"),
        ([head(1), asked(1, "1", "1"), asked(1, "1,2", "2", name="y")], "differ in rows"),
        ([{"id": 1, "activity": "TENSOR_QUEUE_INPUT"}], "as texts"),
    ],
)
def test_what_is_no_trace_is_refused_with_the_reason(events, says):
    """And named as Triton's."""
    with pytest.raises(InvalidInput, match=f"triton_trace.*{says}"):
        rows(events)
