"""MLServer with a runtime of its own, and a client: ``serve PORT`` or ``drive CASE URL NOTES``."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import numpy as np
from iris import NAMES, Notes, rows, tensor

RUNTIME = """
import sys
sys.path.insert(0, {here!r})
from iris import NAMES, train
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceResponse


class Iris(MLModel):
    async def load(self):
        self.classify = train()
        return True

    async def predict(self, payload):
        found = self.classify(NumpyCodec.decode_input(payload.inputs[0]))
        words = [NAMES[place] for place in found.argmax(1)]
        outputs = [NumpyCodec.encode_output("p", found), StringCodec.encode_output("species", words)]
        return InferenceResponse(id=payload.id, model_name=self.name, model_version="7", outputs=outputs)
"""


def serve(port):
    """Serve until terminated, from files below the working folder."""
    Path("runtime.py").write_text(RUNTIME.format(here=str(Path(__file__).parent)))
    Path("model-settings.json").write_text(json.dumps({"name": "iris", "implementation": "runtime.Iris"}))
    ports = {"http_port": int(port), "grpc_port": int(port) + 1, "metrics_port": int(port) + 2}
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "use_structured_logging": False, **ports}
    Path("settings.json").write_text(json.dumps(settings))
    tool = str(Path(sys.executable).parent / "mlserver")
    os.execv(tool, [tool, "start", "."])


def drive(case, url, notes):
    """Ask with a plain HTTP client; ids are left to the server."""
    for x in rows(case):
        data = x.astype(float).tolist() if case == "v2_nested" else x.ravel().astype(float).tolist()
        given = {"name": "x", "shape": list(x.shape), "datatype": "FP32", "data": data}
        body = json.dumps({"inputs": [given]}).encode()
        request = urllib.request.Request(f"{url}/v2/models/iris/infer", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            outputs = {one["name"]: one for one in json.load(reply)["outputs"]}
        p = np.reshape(outputs["p"]["data"], outputs["p"]["shape"])
        words = np.reshape(outputs["species"]["data"], (-1, 1))
        assert set(words.ravel()) <= set(NAMES)
        notes.add([tensor("x", x.astype(float))], [tensor("p", p), tensor("species", words)])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        kept = Notes(sys.argv[4])
        drive(sys.argv[2], sys.argv[3], kept)
        kept.close()
