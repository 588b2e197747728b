"""TorchServe, and a client: ``serve PORT [ENVELOPE]`` or ``drive CASE URL NOTES``; its handler is `handler`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from iris import Notes, rows, tensor

HANDLER = """
import json
import torch
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    def initialize(self, context):
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1)).eval()
        self.initialized = True

    def handle(self, data, context):
        answers = []
        for one in data:
            body = one.get("body", one.get("data", one)) if isinstance(one, dict) else one
            body = json.loads(body) if isinstance(body, (bytes, bytearray, str)) else body
            rows = body["instances"] if isinstance(body, dict) else body
            with torch.inference_mode():
                answers.append(self.model(torch.tensor(rows, dtype=torch.float32)).tolist())
        return answers
"""


def serve(port, envelope=""):
    """Serve until terminated."""
    folder = Path(tempfile.mkdtemp())
    (folder / "handler.py").write_text(HANDLER)
    (folder / "store").mkdir()
    tools = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "TEMP": str(folder),
        "LOG_LOCATION": str(folder),
    }
    environment["METRICS_LOCATION"] = str(folder)
    archive = [
        tools / "torch-model-archiver",
        "--model-name",
        "iris",
        "--version",
        "1.0",
        "--handler",
        folder / "handler.py",
    ]
    subprocess.run([*archive, "--export-path", folder / "store"], check=True, env=environment)
    base = int(port)
    settings = {
        f"{what}_address": f"http://127.0.0.1:{base + place}"
        for place, what in enumerate(("inference", "management", "metrics"))
    }
    settings |= {"grpc_inference_port": base + 3, "grpc_management_port": base + 4, "default_workers_per_model": 1}
    settings |= {"disable_token_authorization": "true", "model_store": folder / "store", "load_models": "iris.mar"}
    settings |= {"service_envelope": envelope} if envelope else {}
    (folder / "config.properties").write_text("\n".join(f"{key}={value}" for key, value in settings.items()))
    os.chdir(folder)
    command = [
        tools / "torchserve",
        "--start",
        "--foreground",
        "--ncs",
        "--disable-token-auth",
        "--ts-config",
        "config.properties",
    ]
    os.execve(command[0], [str(one) for one in command], environment)


def drive(case, url, notes):
    """Ask as TorchServe's examples do, with a plain HTTP client."""
    for number, x in enumerate(rows(case)):
        if case == "v2":
            body = {
                "id": str(number),
                "inputs": [{"name": "x", "shape": list(x.shape), "datatype": "FP32", "data": x.tolist()}],
            }
            told = ask(f"{url}/v2/models/iris/infer", body)
            outputs = told["outputs"]
            values = outputs[0]["data"]
            notes.add(
                [tensor("x", x.tolist())], [tensor("x", [values[at : at + 3] for at in range(0, len(values), 3)])]
            )
            continue
        path = {
            "v1": "/v1/models/iris:predict",
            "predictions": "/predictions/iris",
            "versioned": "/predictions/iris/1.0",
        }[case]
        body = x.tolist() if case == "versioned" else {"instances": x.tolist()}
        notes.add([tensor("input", x.tolist())], [tensor("output", ask(url + path, body))])


def ask(url, body):
    """Post JSON and return the JSON answered."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        if shutil.which("java") is None:
            raise SystemExit("TorchServe needs Java 11 or later, and there is none")
        serve(*sys.argv[2:])
    else:
        kept = Notes(sys.argv[4])
        drive(sys.argv[2], sys.argv[3], kept)
        kept.close()
