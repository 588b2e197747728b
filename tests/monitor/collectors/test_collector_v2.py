"""Open Inference Protocol v2: what servers write is read, what contradicts itself is refused with the reason."""

import json

import pytest

from monitor.collectors.v2 import V2
from monitor.errors import InvalidInput


def half(document):
    (found,) = V2().parse(document if isinstance(document, bytes) else json.dumps(document).encode(), {})
    return found


def request(*tensors, **more):
    return {**more, "inputs": list(tensors)}


def tensor(data, shape, datatype="FP32", name="x"):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_flat_and_nested_data_are_the_same():
    """Both orders of writing a matrix give its rows."""
    flat = half(request(tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])))
    nested = half(request(tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2, 3])))
    assert flat.columns == nested.columns == {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
    assert flat.rows == 2


def test_a_response_as_kserve_writes_it():
    """Null parameters and a null version are normal."""
    found = half(
        b'{"model_name":"iris","model_version":null,"id":"req-1","parameters":null,"outputs":[{"name":"output-0",'
        b'"shape":[2,3],"datatype":"FP32","parameters":null,"data":[0.5,0.25,0.25,0.125,0.5,0.375]}]}'
    )
    assert (found.side, found.model, found.version, found.id, found.parameters) == (
        "response",
        "iris",
        None,
        "req-1",
        {},
    )
    assert found.columns == {"output-0": [[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]]}


def test_a_request_that_names_the_outputs_it_wants_is_a_request():
    """``outputs`` beside ``inputs`` hold no data."""
    found = half({**request(tensor([1.0], [1])), "outputs": [{"name": "y", "parameters": {"binary_data": False}}]})
    assert found.side == "request"


@pytest.mark.parametrize(
    ("datatype", "data", "expected"),
    [
        ("FP64", [1, 2.5, None], [1.0, 2.5, None]),
        ("INT64", [-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
        ("UINT64", [2**64 - 1], [2**64 - 1]),
        ("BOOL", [True, False], [True, False]),
        ("BOOL", [1, 0], [True, False]),
        ("BYTES", ["a", "\u00e9\u0000"], ["a", "\u00e9\u0000"]),
    ],
)
def test_values_keep_their_type_and_exactness(datatype, data, expected):
    """One value a row for [n] and for [n, 1]."""
    for shape in ([len(data)], [len(data), 1]):
        found = half(request(tensor(data, shape, datatype))).columns["x"]
        assert found == expected
        assert list(map(type, found)) == list(map(type, expected))


def test_zero_rows_are_no_error():
    """An empty batch is a batch."""
    assert half(request(tensor([], [0, 4]))).rows == 0
    assert half(request()).rows == 0


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "a JSON object"),
        (b"null", "null"),
        (b"[]", "array"),
        (b'{"inputs":[', "a JSON object with inputs or outputs is allowed"),
        (b"\xff", "JSON"),
        (b"[" * 100_000, "."),
        (b'{"instances": [[1]]}', "neither inputs"),
        (b'{"error":"Model with name nope does not exist."}', "answered an error: Model with name nope"),
        (request(tensor([1.0] * 5, [2, 3])), r"shape \[2, 3\] needs 6 values, got 5"),
        (request(tensor([1.0], [-1])), "0 or more"),
        (request(tensor([], [10**9, 10**9])), "values, got 0"),
        (request(tensor([1.0], [1], "FP99")), "FP99"),
        (request(tensor([300], [1], "INT8")), "outside INT8"),
        (request(tensor([1.5], [1], "INT8")), "cannot hold float"),
        (request(tensor([True], [1], "INT32")), "cannot hold bool"),
        (request(tensor(["0.1"], [1])), "cannot hold str"),
        (request(tensor([10**400], [1])), "too large"),
        (request(tensor([5], [1], "BYTES")), "cannot hold int"),
        (request(tensor([[1.0, 2.0], [3.0]], [2, 2])), "ragged"),
        (request(tensor([[1.0], 2.0], [2])), "ragged"),
        (
            request({"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}),
            "0 bytes are left",
        ),
        (
            request({"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"shared_memory_region": "r"}}),
            "shared",
        ),
        (request(tensor([1.0], [1]), tensor([1.0], [1])), "two columns are named"),
        (request(tensor([], [10**18] * 40)), "at most 16 sizes"),
        (request(tensor([], [10**4000])), "0 or more"),
        (request(tensor([1.0], [1]), tensor([1.0, 2.0], [2], name="y")), "differ in rows"),
        ({"outputs": [{"name": "y"}]}, "outputs"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_reason(document, says):
    """Never another error, and never an allocation of what a shape claims."""
    with pytest.raises(InvalidInput, match=says):
        half(document)


def test_bare_nan_and_infinity_are_read():
    """Python servers and clients write them."""
    found = half(b'{"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [NaN, -Infinity, 1e400]}]}')
    assert str(found.columns["x"]) == "[nan, -inf, inf]"


def test_a_byte_order_mark_and_lone_surrogates_are_read():
    """What the server understood, we do too."""
    found = half(b'\xef\xbb\xbf{"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["\\ud800"]}]}')
    assert found.columns["x"] == ["\ud800"]


def test_a_request_without_an_id_is_named_by_its_header():
    """The body's own id goes first; a header too long to name rows is none."""
    body = b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1.5]}]}'
    named = body.replace(b"{", b'{"id": "q", ', 1)
    for sent, headers, expected in (
        (body, {"x-request-id": "abc-1"}, "abc-1"),
        (named, {"x-request-id": "abc-1"}, "q"),
        (body, {"x-request-id": "x" * 10_000}, None),
        (body, {}, None),
    ):
        (half,) = V2().parse(sent, headers)
        assert half.id == expected
