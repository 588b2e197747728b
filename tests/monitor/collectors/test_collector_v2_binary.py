"""The binary tensor extension: bytes behind the JSON are the tensors that were sent, or refused with the reason."""

import base64
import json
import struct

import numpy as np
import pytest

from monitor.collectors.v2 import V2
from monitor.errors import InvalidInput


def packed(document, *tails):
    head = json.dumps(document, ensure_ascii=False).encode()
    return head + b"".join(tails), {"inference-header-content-length": str(len(head))}


def tensor(name, shape, datatype, size, **parameters):
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size, **parameters}}


def half(body, headers):
    (found,) = V2().parse(body, headers)
    return found


def elements(*texts):
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("BOOL", "?"), ("FP16", "<f2"), ("FP32", "<f4"), ("FP64", "<f8"), ("INT8", "i1"), ("INT16", "<i2"),
        ("INT32", "<i4"), ("INT64", "<i8"), ("UINT8", "u1"), ("UINT16", "<u2"), ("UINT32", "<u4"), ("UINT64", "<u8"),
    ],
)  # fmt: skip
def test_every_datatype_is_what_numpy_wrote(datatype, dtype):
    """NumPy's own bytes and values are the oracle; with the header and without."""
    kind = np.dtype(dtype)
    draw = np.random.default_rng(1)
    values = draw.normal(0, 50, 7).astype(kind)
    if kind.kind in "iu":
        values = np.frombuffer(draw.bytes(7 * kind.itemsize), kind)
    content = values.tobytes()
    body, headers = packed({"inputs": [tensor("x", [7], datatype, len(content))]}, content)
    for known in (headers, {}):
        assert half(body, known).columns == {"x": values.tolist()}


def test_bf16_is_the_upper_half_of_a_float():
    """Rounded values come back exactly."""
    wide = np.array([1.5, -2.0, 3.140625, np.inf], "<f4")
    content = wide.view("<u4").__rshift__(16).astype("<u2").tobytes()
    body, headers = packed({"inputs": [tensor("x", [4], "BF16", 8)]}, content)
    assert half(body, headers).columns == {"x": wide.tolist()}


def test_tensors_are_taken_in_order_and_json_may_stand_between():
    """Several in binary, one in JSON, text in UTF-8 before them."""
    matrix = np.array([[1, 2, 3], [4, 5, 6]], "<f4")
    document = {
        "id": "größe",
        "inputs": [
            tensor("m", [2, 3], "FP32", 24),
            {"name": "j", "shape": [2], "datatype": "INT32", "data": [7, 8], "parameters": None},
            tensor("t", [2, 1], "BYTES", 4 + 2 + 4 + 3),
        ],
        "outputs": [{"name": "p", "parameters": {"binary_data": True}}],
    }
    body, headers = packed(document, matrix.tobytes(), elements(b"AA", "ü1".encode()))
    for known in (headers, {}):
        found = half(body, known)
        assert (found.id, found.side, found.rows) == ("größe", "request", 2)
        assert found.columns == {"m": matrix.tolist(), "j": [7, 8], "t": ["AA", "ü1"]}


def test_a_response_in_binary_is_read_without_its_header():
    """Loggers never pass on the response's header."""
    scores = np.array([[0.25, 0.75], [0.5, 0.5]], "<f8")
    body, _ = packed({"model_name": "m", "outputs": [tensor("p", [2, 2], "FP64", 32)]}, scores.tobytes())
    assert half(body, {}).columns == {"p": scores.tolist()}


def test_bytes_that_are_no_text_are_base64_all_of_them():
    """One picture among the elements, and none is taken for text."""
    body, headers = packed({"inputs": [tensor("x", [2], "BYTES", 4 + 2 + 4 + 1)]}, elements(b"\xff\xd8", b"a"))
    assert half(body, headers).columns == {"x": [base64.b64encode(text).decode() for text in (b"\xff\xd8", b"a")]}


def test_wide_texts_are_columns():
    """As Triton's classifications are; the widest are kept as JSON."""
    content = elements(b"a", b"b", b"c", b"d")
    body, headers = packed({"outputs": [tensor("x", [2, 2], "BYTES", len(content))]}, content)
    assert half(body, headers).columns == {"x-0": ["a", "c"], "x-1": ["b", "d"]}
    data = [[True, False] * 40]
    found = half(*packed({"inputs": [{"name": "x", "shape": [1, 80], "datatype": "BOOL", "data": data}]}))
    assert json.loads(found.columns["x"][0]) == data[0]


def test_a_raw_tensor_needs_its_shape_from_elsewhere():
    """A header length of 0: the body is nothing but the tensor."""
    values = np.arange(8, dtype="<f4")
    headers = {
        "inference-header-content-length": "0",
        "watchglass-tensor": "x FP32 4",
        ":path": "/v2/models/iris/infer",
    }
    found = half(values.tobytes(), headers)
    assert found.columns == {"x": values.reshape(2, 4).tolist()}
    assert (found.model, found.rows) == ("iris", 2)
    assert half(b"a text", {**headers, "watchglass-tensor": "x BYTES 1"}).columns == {"x": ["a text"]}
    for wrong in ("", "x", "x FP32 3", "x FP32 -1", "x FP32 0", "x FP99 1", "x FP32 " + "9" * 5_000):
        with pytest.raises(InvalidInput, match="v2"):
            half(values.tobytes(), {**headers, "watchglass-tensor": wrong})


def test_a_matrix_gets_the_names_it_is_given():
    """In requests only: answers keep theirs."""
    document = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
    body = json.dumps(document).encode()
    assert half(body, {"watchglass-columns": "temp, wind"}).columns == {"temp": [1.0], "wind": [2.0]}
    assert half(body, {"watchglass-columns": '["a,b", "c"]'}).columns == {"a,b": [1.0], "c": [2.0]}
    answer = body.replace(b"inputs", b"outputs")
    assert half(answer, {"watchglass-columns": "temp, wind"}).columns == {"x": [[1.0, 2.0]]}
    for wrong in ("a,b,c", "a,a", "a,,b", "[1]", "[" * 9_999):
        with pytest.raises(InvalidInput, match="watchglass-columns"):
            half(body, {"watchglass-columns": wrong})


@pytest.mark.parametrize(
    ("document", "tail", "headers", "says"),
    [
        ([tensor("x", [2], "FP32", 8)], b"\0" * 7, {}, "7 bytes are left"),
        ([tensor("x", [2], "FP32", 8)], b"\0" * 9, {}, "1 bytes follow"),
        ([tensor("x", [2], "FP32", 7)], b"\0" * 7, {}, "whole number of FP32"),
        ([tensor("x", [10**9, 10**9], "FP32", 8)], b"\0" * 8, {}, "values, got 2"),
        ([tensor("x", [1], "FP32", -4)], b"\0" * 4, {}, "are left"),
        ([tensor("x", [1], "FP32", True)], b"\0" * 4, {}, "are left"),
        ([tensor("x", [1], "FP32", "4")], b"\0" * 4, {}, "are left"),
        ([tensor("x", [1], "FP99", 4)], b"\0" * 4, {}, "FP99"),
        ([tensor("x", [1], "BYTES", 8)], b"\xff\xff\xff\xff\0\0\0\0", {}, "longer than what is left"),
        ([tensor("x", [1], "BYTES", 2)], b"\0\0", {}, "longer than what is left"),
        ([tensor("x", [2], "BYTES", 5)], elements(b"a"), {}, "needs 2 values, got 1"),
        ([tensor("x", [1], "FP32", 4)], b"\0" * 4, {"inference-header-content-length": "9999"}, "the body has"),
        ([tensor("x", [1], "FP32", 4)], b"\0" * 4, {"inference-header-content-length": "-1"}, "a number of bytes"),
        ([tensor("x", [1], "FP32", 4)], b"\0" * 4, {"inference-header-content-length": "5"}, "v2"),
        ([tensor("x", [1], "FP32", 4)], b"\0" * 4, {"inference-header-content-length": "9" * 5_000}, "number of bytes"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_reason(document, tail, headers, says):
    """No allocation by what a shape or a length claims."""
    with pytest.raises(InvalidInput, match=says):
        half(json.dumps({"inputs": document}).encode() + tail, headers)


def test_base64_content_is_checked():
    """As MLServer marks it."""
    document = {
        "name": "x",
        "shape": [1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": ["/9g="],
    }
    assert half(json.dumps({"inputs": [document]}).encode(), {}).columns == {"x": ["/9g="]}
    document["data"] = ["/9g"]
    with pytest.raises(InvalidInput, match="base64"):
        half(json.dumps({"inputs": [document]}).encode(), {})
