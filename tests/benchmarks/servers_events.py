"""Send exchanges as KServe's logger does: CloudEvents in binary mode, a request and a response each, in any order.

The logger itself is a Go program that runs beside a pod and cannot be had here; its events are made in its documented
form: the response's content type is the request's, and the length of the JSON before binary tensors is lost.
"""

import json
import random
from typing import Any

import numpy as np
import urllib3

from tests.benchmarks.servers_notes import Noted
from tests.benchmarks.servers_wire import Tensor


def send_events(url: str, model: str, case: str, noted: list[Noted]) -> str:
    """Post all halves, shuffled; return what went wrong, or nothing."""
    pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(30))
    halves = [
        (place, side, _body(case, place, side, one))
        for place, one in enumerate(noted)
        for side in ("request", "response")
    ]
    random.Random(7).shuffle(halves)
    for place, side, body in halves:
        headers = {
            "ce-specversion": "1.0",
            "ce-id": f"{case}-{place}",
            "ce-source": "http://localhost:9081/",
            "ce-type": f"org.kubeflow.serving.inference.{side}",
            "ce-time": f"2026-01-01T00:00:{place % 60:02d}.{place:06d}Z",
            "ce-inferenceservicename": "iris",
            "ce-namespace": "default",
            "ce-component": "predictor",
            "content-type": "application/octet-stream" if case == "v2_binary" else "application/json",
        }
        reply = pool.request("POST", f"{url}/v1/models/{model}/collect/kserve", headers=headers, body=body)
        if reply.status == 404:
            return "unavailable: this Watchglass has no /collect/kserve"
        if reply.status != 200:
            return f"answered {reply.status}: {reply.data[:200]!r}"
    return ""


def _body(case: str, place: int, side: str, one: Noted) -> bytes:
    tensors = one.inputs if side == "request" else one.outputs
    if case == "v1":
        return json.dumps({"instances" if side == "request" else "predictions": tensors[0].rows}).encode()
    head: dict[str, Any] = {"id": f"{case}-{place}", "inputs" if side == "request" else "outputs": []}
    tail = b""
    for tensor in tensors:
        told, content = _tensor(tensor, binary=case == "v2_binary")
        next(value for value in head.values() if isinstance(value, list)).append(told)
        tail += content
    return json.dumps(head).encode() + tail


def _tensor(tensor: Tensor, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    told: dict[str, Any] = {"name": tensor.name, "shape": [len(tensor.rows), len(tensor.rows[0])], "datatype": "FP32"}
    if not binary:
        return told | {"data": [value for row in tensor.rows for value in row]}, b""
    content = np.array(tensor.rows, np.float32).tobytes()
    return told | {"parameters": {"binary_data_size": len(content)}}, content
