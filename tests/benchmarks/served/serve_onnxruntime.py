"""ONNX Runtime in a FastAPI app: ``serve PORT`` or ``drive CASE URL NOTES``.

With ``WATCHGLASS`` in the environment the app captures itself, by the middleware.
"""

import json
import os
import sys
import urllib.request

import numpy as np
from iris import Notes, rows, tensor


def session():
    """Return a session of a small network: softmax(x·w + b)."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    weights = numpy_helper.from_array(draw.normal(size=(4, 3)).astype(np.float32), "w")
    bias = numpy_helper.from_array(draw.normal(size=3).astype(np.float32), "b")
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["z"]), helper.make_node("Softmax", ["z"], ["p"], axis=1)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    p = helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "iris", [x], [p], [weights, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def serve(port):
    """Serve until terminated."""
    import uvicorn
    from fastapi import FastAPI

    app, running = FastAPI(), session()

    @app.get("/v2/health/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v2/models/{name}/infer")
    def infer(name: str, body: dict) -> dict:
        given = body["inputs"][0]
        x = np.array(given["data"], np.float32).reshape(given["shape"])
        (p,) = running.run(["p"], {"x": x})
        output = {"name": "p", "shape": list(p.shape), "datatype": "FP32", "data": p.ravel().tolist()}
        return {"model_name": name, "id": body.get("id"), "outputs": [output]}

    if "WATCHGLASS" in os.environ:
        from monitor.client.asgi import CaptureMiddleware

        app = CaptureMiddleware(app, url=os.environ["WATCHGLASS"], model=os.environ["MODEL"], version="1")
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


def drive(case, url, notes):
    """Ask with a plain HTTP client."""
    for number, x in enumerate(rows(case)):
        given = {"name": "x", "shape": list(x.shape), "datatype": "FP32", "data": x.ravel().astype(float).tolist()}
        body = json.dumps({"id": f"{case}-{number}", "inputs": [given]}).encode()
        request = urllib.request.Request(f"{url}/v2/models/iris/infer", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            output = json.load(reply)["outputs"][0]
        notes.add([tensor("x", x.astype(float))], [tensor("p", np.reshape(output["data"], output["shape"]))])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kept = Notes(sys.argv[4])
        drive(sys.argv[2], sys.argv[3], kept)
        kept.close()
