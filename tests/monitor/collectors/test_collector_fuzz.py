"""Seeded mutations of a body of every wire format: whatever comes, rows or InvalidInput, and nothing else."""

import base64
import gzip
import io
import json
import random
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import monitor.collectors
from monitor.collectors import Collector, Half
from monitor.collectors.pairing import aligned, pair
from monitor.errors import InvalidInput
from monitor.plugins import plugins
from monitor.types import Inference, Label

COLLECTORS = plugins(monitor.collectors, Collector)
MUTATIONS = 300
SPLINTERS = [
    *(b"", b"null", b"1e400", b'"', b"[", b"]", b"{", b"}", b",", b"\n", b"-1", b"true", b"NaN", b"-Infinity"),
    *(b"9" * 25, b"9" * 5_000, b"\xed\xa0\x80", b"\\ud800", b"\xff", b"\x00", b"[" * 70, b"[" * 3_000, b'{"a":' * 70),
    *(b"1000000000000", b"[1e9,1e9]", b'"binary_data_size": 99999999', b"\xff\xff\xff\x7f", b"2026-13-45", b"=="),
]
CE = {"ce-id": "e", "ce-type": "org.kubeflow.serving.inference.request", "ce-time": "2026-11-21T20:40:28Z"}
PATH, STATUS = {":path": "/predictions/iris/1.0"}, {":status": "200"}
ROLES = {"x": "feature", "p": "prediction", "t": "target"}
SCHEMA = json.dumps({"columns": [{"name": name, "role": role} for name, role in ROLES.items()]})

V1 = (
    b'{"signature_name": "s", "instances": [{"x": 1.5, "y": ["a", "b"], "z": {"b64": "aGk="}},'
    b' {"x": NaN, "y": ["c", "d"]}]}'
)
V2 = (
    b'{"id": "r", "parameters": {"k": 1}, "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data":'
    b' [[5.5, 3.5], [6.25, 2.5]]}, {"name": "c", "shape": [2, 1], "datatype": "BYTES", "data": ["AA", "UA"]}]}'
)
ANSWER = b'{"model_name": "m", "outputs": [{"name": "p", "shape": [2, 2], "datatype": "FP64", "data": [0, 1, 1, 0]}]}'
TAIL = np.array([[1.5, 2.5], [3.5, 4.5]], "<f2").tobytes() + b"\x02\0\0\0AA\x02\0\0\0UA"
BINARY = json.dumps({
    "inputs": [
        {"name": "x", "shape": [2, 2], "datatype": "FP16", "parameters": {"binary_data_size": 8}},
        {"name": "c", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": 12}},
    ]
}).encode()  # fmt: skip
RECORDS = [{"id": "e", "reqType": "a.request", "bytes": base64.b64encode(V1).decode(), "metadata": '{"a": ["b"]}'}] * 2
PARQUET = io.BytesIO()
pq.write_table(pa.Table.from_pylist(RECORDS), PARQUET)
CAPTURE = {
    "captureData": {
        "endpointInput": {"observedContentType": "text/csv", "data": "1,a\n2,b", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "application/json", "data": "[[0.5], [0.25]]", "encoding": "JSON"},
    },
    "eventMetadata": {"eventId": "e", "inferenceId": "i", "inferenceTime": "2026-11-21T20:40:28Z"},
}
INPUT = {"name": "x", "data": "1,2", "shape": "1,2", "dtype": "FP32"}
OUTPUT = {"name": "p", "data": '"a"', "shape": "1", "dtype": "BYTES"}
TRACE = [
    {"id": 1, "model_name": "m", "model_version": 1, "request_id": "q"},
    {"id": 1, "timestamps": [{"name": "REQUEST_START", "ns": 5}]},
    {"id": 1, "activity": "TENSOR_QUEUE_INPUT", "tensor": INPUT},
    {"id": 1, "activity": "TENSOR_BACKEND_OUTPUT", "tensor": OUTPUT},
]
TRITON = f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(BINARY)}"
FORM = b'--b\r\nContent-Disposition: form-data; name="data"\r\nContent-Type: application/json\r\n\r\n[1]\r\n--b--\r\n'

BODIES = {
    "v2": [
        (V2, {}),
        (ANSWER, {}),
        (BINARY + TAIL, {}),
        (BINARY + TAIL, {"inference-header-content-length": str(len(BINARY))}),
        (TAIL[:8], {"inference-header-content-length": "0", "watchglass-tensor": "x FP16 2"}),
    ],
    "v1": [
        (V1, {"watchglass-columns": "a,b,c,d"}),
        (b'{"inputs": {"a": [[1, 2], [3, 4]], "b": ["x", "y"], "c": 1}}', PATH),
        (b'{"results": [[["a", 0.25], ["b", 0.75]]]}', {}),
        (b'{"context": {"d": 1}, "examples": [{"x": [1, 2]}, {"x": [3]}]}', {}),
    ],
    "kserve": [
        (V2, CE),
        (gzip.compress(BINARY + TAIL), CE),
        (json.dumps({"specversion": "1.0", "id": "e", "type": "a.request", "data": {"instances": [[1]]}}).encode(), {}),
        (
            json.dumps([{"specversion": "1.0", "id": "e", "type": "a.request", "data_base64": "W1sxXV0="}]).encode(),
            {"content-type": "application/cloudevents-batch+json"},
        ),
    ],
    "torchserve": [
        (V1.replace(b"NaN", b"2"), PATH),
        (b"[[0.25, 0.75], [0.5, 0.5]]", STATUS),
        (b"1,a,\n2.5,b,x\n", {**PATH, "content-type": "text/csv"}),
        (b"data=The+climate&k=1", {**PATH, "content-type": "application/x-www-form-urlencoded"}),
        (FORM, {**PATH, "content-type": "multipart/form-data; boundary=b"}),
        (BINARY + TAIL, {**PATH, "content-type": TRITON}),
    ],
    "kserve_blob": [
        (json.dumps(RECORDS).encode(), {}),
        (b"id,reqType,bytes\n" + b"\n".join(f"e,a.request,{row['bytes']}".encode() for row in RECORDS), {}),
        (PARQUET.getvalue(), {}),
    ],
    "sagemaker": [
        (json.dumps(CAPTURE).encode() + b"\n" + json.dumps(CAPTURE).encode(), {"watchglass-columns": "n,c"}),
        (b'{"groundTruthData": {"data": "1\\n0", "encoding": "CSV"}, "eventMetadata": {"eventId": "e"}}', {}),
    ],
    "bentoml": [
        (b'{"x": [[1, 2]], "p": [[0.5]], "t": [1], "request_id": "q", "timestamp": "2026-11-21T20:54:06"}\n' * 2,
         {"watchglass-schema": SCHEMA}),
        (SCHEMA.encode() + b'\n{"x": 1, "p": "a", "t": 0, "request_id": 5}', {}),
    ],
    "triton_trace": [(json.dumps(TRACE).encode(), {})],
}  # fmt: skip
CASES = [(name, place) for name, bodies in BODIES.items() for place in range(len(bodies))]


def mutated(body, draw):
    out = bytearray(body)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(out) + 1)
        if draw.random() < 0.3 and out:
            out[place % len(out)] ^= 1 << draw.randrange(8)
        else:
            out[place : place + draw.choice((0, 0, 1, 3, 8))] = draw.choice(SPLINTERS)
    return bytes(out[: draw.randrange(len(out) + 1)] if draw.random() < 0.1 else out)


def sound(found):
    assert isinstance(found, Inference | Label | Half)
    if isinstance(found, Half):
        assert all(len(values) == found.rows for values in found.columns.values())
        mirror = Half(side="response", rows=found.rows, columns=found.columns)
        assert aligned(found, mirror).rows == found.rows
        assert len(pair(found, mirror)) == found.rows


def test_every_format_has_a_body_here():
    """So that a new one is not forgotten."""
    assert BODIES.keys() == COLLECTORS.keys()


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_body_is_read_and_its_mutations_are_read_or_refused(name, place):
    """Both give sound rows; never another error, and no memory for what a number claims."""
    body, headers = BODIES[name][place]
    collector = COLLECTORS[name]()
    draw = random.Random(f"{name} {place}")
    assert list(collector.parse(body, headers))
    tracemalloc.start()
    try:
        for _ in range(MUTATIONS):
            try:
                for found in collector.parse(mutated(body, draw), headers):
                    sound(found)
            except InvalidInput as error:
                assert str(error).startswith(name)  # noqa: PT017 - either outcome is allowed
                assert len(str(error)) < 2_000  # noqa: PT017
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "place"), CASES)
def test_mutated_headers_are_read_or_refused(name, place):
    """Headers come from outside as well."""
    body, headers = BODIES[name][place]
    collector = COLLECTORS[name]()
    draw = random.Random(f"headers {name} {place}")
    known = {"content-type": "text/csv", "watchglass-columns": "a", "watchglass-task": "regression", **headers}
    for _ in range(MUTATIONS // 3):
        some = {key: value for key, value in known.items() if draw.random() < 0.7}
        some = {
            key: mutated(value.encode(), draw).decode("latin-1") if draw.random() < 0.5 else value
            for key, value in some.items()
        }
        try:
            for found in collector.parse(body, some):
                sound(found)
        except InvalidInput as error:
            assert str(error).startswith(name)  # noqa: PT017 - either outcome is allowed
