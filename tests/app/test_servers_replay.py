"""Recordings of servers that are not here are replayed by the bench: what is stored equals the tensors on the wire."""

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.servers import watchglass
from tests.benchmarks.servers_compare import differing
from tests.benchmarks.servers_replay import replay
from tests.benchmarks.servers_wire import Tensor

Record = Callable[..., None]
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Watchglass."""
    with watchglass(tmp_path_factory.mktemp("served")) as address:
        yield address


def record(folder: Path, name: str, path: str, request: Any, response: Any, **told: Any) -> None:
    """Write one recording as it is kept."""
    method = told.get("method", "POST" if request is not None else "GET")
    meta = {"url": f"http://127.0.0.1:8000{path}", "method": method, "status": told.get("status", 200)}
    meta |= {"request_headers": told.get("headers", JSON if request is not None else {})}
    meta |= {"response_headers": told.get("answered", JSON)}
    (folder / f"{name}.meta.json").write_text(json.dumps(meta))
    for side, body in (("request", request), ("response", response)):
        if isinstance(body, bytes):
            (folder / f"{name}.{side}.bin").write_bytes(body)
        elif body is not None:
            (folder / f"{name}.{side}.json").write_text(json.dumps(body))


def tensor(name: str, shape: list[int], datatype: str, data: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def binary(side: str, *tensors: tuple[str, list[int], str, bytes]) -> tuple[bytes, dict[str, str]]:
    """Return a body of binary tensors, and the headers that tell of it."""
    told = [
        {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(content)}}
        for name, shape, datatype, content in tensors
    ]
    head = json.dumps({"model_name": "m", side: told}).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    return head + b"".join(content for *_, content in tensors), headers


def texts(*words: str) -> bytes:
    return b"".join(struct.pack("<I", len(word.encode())) + word.encode() for word in words)


def test_the_dialects_of_other_servers_are_stored_as_they_were_sent(url: str, tmp_path: Path) -> None:
    """Binary and raw tensors, texts, nested data, missing ids, several tensors, other rows, forms, no inferences."""
    path = "/v2/models/m/infer"
    x = np.arange(8, dtype=np.float32).reshape(2, 4) / 3
    bf16 = (x[:, :2].copy().view(np.uint32) >> 16).astype("<u2").tobytes()
    asked, headers = binary(
        "inputs",
        ("x", [2, 4], "FP32", x.tobytes()),
        ("half", [2, 2], "FP16", x[:, :2].astype(np.float16).tobytes()),
        ("brain", [2, 2], "BF16", bf16),
        ("word", [2], "BYTES", texts("Straße", "")),
        ("flag", [2, 1], "BOOL", b"\x01\x00"),
        ("big", [2], "UINT64", np.array([2**53, 7], "<u8").tobytes()),
    )
    given, told = binary("outputs", ("p", [2, 2], "FP32", x[:, :2].tobytes()), ("label", [2], "INT64", bytes(16)))
    record(tmp_path, "triton_binary", path, asked, given, headers=headers, answered=told)
    outputs = {"model_name": "m", "outputs": [tensor("p", [2], "FP64", [0.25, 0.75])]}
    flat = {"inputs": [tensor("x", [2, 2], "FP64", [1, 2.5, None, 4]), tensor("k", [2, 1], "INT8", [[1], [-1]])]}
    record(tmp_path, "mlserver_no_id", "/v2/models/m/versions/v1/infer", flat, outputs | {"id": "made-by-server"})
    nested = {"id": "q", "parameters": None, "inputs": [tensor("x", [2, 1, 2], "FP32", [[[1.5, 2]], [[3, 4]]])]}
    record(tmp_path, "openvino_nested", path, nested, outputs | {"parameters": None})
    record(tmp_path, "raw_meta", "/v2/models/raw", None, {"name": "raw", "inputs": [
        {"name": "x", "datatype": "FP32", "shape": [-1, 4]}], "outputs": []})  # fmt: skip
    raw = {"content-type": "application/octet-stream", "inference-header-content-length": "0"}
    record(tmp_path, "raw_tensor", "/v2/models/raw/infer", x.tobytes(), outputs, headers=raw)
    one = {"inputs": [tensor("pixels", [3, 2], "FP32", [1, 2, 3, 4, 5, 6.5])]}
    record(tmp_path, "other_rows_answered", path, one, {"outputs": [tensor("p", [4], "FP32", [0.1, 0.2, 0.3, 0.4])]})
    record(tmp_path, "tf_rows", "/v1/models/tf/versions/3:predict",
           {"signature_name": "s", "instances": [{"a": 1.5, "b": "x"}, {"a": -2, "b": "y"}]},
           {"predictions": [[0.1, 0.9], [0.8, 0.2]]})  # fmt: skip
    record(tmp_path, "tf_columns", "/v1/models/tf:predict", {"inputs": {"a": [[1, 2], [3, 4]], "keep": 0.5}},
           {"outputs": [[0.1], [0.2]]})  # fmt: skip
    record(tmp_path, "tf_bytes_and_nan", "/v1/models/tf:predict", b'{"instances": [{"b64": "aGk="}, {"b64": "eW8="}]}',
           b'{"predictions": [NaN, 1.5]}')  # fmt: skip
    form = b'--B\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n\x89PNG\x00\xff\r\n--B--\r\n'
    record(tmp_path, "torchserve_form", "/predictions/cats/1.0", form, {"cat": 0.75, "dog": 0.25},
           headers={"content-type": "multipart/form-data; boundary=B"})  # fmt: skip
    record(tmp_path, "columns_by_name", "/classify", {"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]}, [[0.1], [0.2], [0.3]])
    record(tmp_path, "refused", path, {"inputs": []}, {"error": "no"}, status=400)
    record(tmp_path, "crashed", path, flat, b"Internal Server Error", status=500, answered={})
    for name, other in {"ready": "/v2/health/ready", "metrics": "/metrics", "config": "/v2/models/m/config"}.items():
        record(
            tmp_path, name, other, None, b"nv_inference_request_success 1\n", answered={"content-type": "text/plain"}
        )
    record(tmp_path, "load", "/v2/repository/models/m/load", {}, b"", answered={})
    figures = replay(tmp_path, url)
    assert figures["problems"] == []
    assert figures["recordings"] == 17
    assert figures["sent"] == figures["stored"] == 19
    assert figures["events_sent"] == figures["events_stored"] == 10
    assert (figures["differing"], figures["bodies_differing"], figures["ignored"]) == (0, 0, 7)


def test_the_bench_sees_a_value_that_differs_and_a_row_that_is_missing() -> None:
    """A comparison that cannot fail proves nothing."""
    asked, answered = [Tensor("x", [[1.5, 2.5]])], [Tensor("p", [[0.25]])]
    row = {"features": {"x-0": 1.5, "x-1": 2.5}, "extra": None, "scores": [0.25], "prediction": None}
    assert differing(asked, answered, [row]) == []
    assert differing(asked, answered, [row | {"features": {"x-0": 1.5, "x-1": 2.25}}])
    assert differing(asked, answered, [row | {"scores": [0.5]}])
    assert differing(asked, answered, [])
    assert differing(asked, [Tensor("p", [["a"]])], [row])


PAYLOADS = Path(os.environ.get("PAYLOADS", ""))


@pytest.mark.skipif(not PAYLOADS.name, reason="PAYLOADS names no folder of recordings")
def test_the_recordings_of_a_folder_are_stored_as_they_were_sent(url: str) -> None:
    """Those that PAYLOADS names."""
    figures = replay(PAYLOADS, url)
    assert (figures["problems"], figures["differing"]) == ([], 0)
    assert figures["sent"] == figures["stored"] > 0
