"""A body of every wire format, with the headers it is read with; made by hand after recordings of the servers."""

import base64
import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SPLINTERS = [
    *(b"", b"null", b"1e400", b'"', b"[", b"]", b"{", b"}", b",", b"\n", b"-1", b"true", b"NaN", b"-Infinity"),
    *(b"9" * 25, b"9" * 5_000, b"\xed\xa0\x80", b"\\ud800", b"\xff", b"\x00", b"[" * 70, b"[" * 3_000, b'{"a":' * 70),
    *(b"1000000000000", b"[1e9,1e9]", b'"binary_data_size": 99999999', b"\xff\xff\xff\x7f", b"2026-13-45", b"=="),
]
"""What is put into the middle of a body to hurt."""

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
        (gzip.compress(BINARY + TAIL, mtime=0), CE),
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
"""By collector: bodies and their headers, of which ``:path`` and ``:status`` stand for what HTTP says itself."""
