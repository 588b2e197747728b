"""The demo's model server: a process of its own that answers the Open Inference Protocol v2, watched by Watchglass.

    python -m app.demo.serve_model --port 9001 --weights models/1/model.safetensors --watchglass http://127.0.0.1:8080

What a user adds to their own server is the import of `CaptureMiddleware` and the line in `main` that wraps the app.
"""

import argparse
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.demo import train
from app.demo.data import CATEGORIES
from app.demo.model import FlightModel
from app.demo.story import INFER, MODEL
from monitor.client.asgi import CaptureMiddleware


def column(name: str, data: list[Any]) -> np.ndarray:
    """Return one tensor's values as the model takes them: objects for categories, float64 with NaN for null if not."""
    if name in CATEGORIES:
        return np.array(data, dtype=object)
    return np.array([np.nan if value is None else value for value in data], dtype=np.float64)


def answer(model: FlightModel, version: str, body: bytes) -> dict[str, Any]:
    """Return the V2 response to one V2 request: one tensor a column in, P(late) as one FP64 tensor out.

    Raises:
        KeyError: a column is missing.
        ValueError, TypeError, msgspec.DecodeError: the body is not what the protocol asks for.
    """
    request = msgspec.json.decode(body)
    given = {tensor["name"]: tensor["data"] for tensor in request["inputs"]}
    scores = model.predict({name: column(name, given[name]) for name in model.columns})
    output = {"name": "p_late", "shape": [len(scores)], "datatype": "FP64", "data": scores.tolist()}
    response = {"model_name": MODEL, "model_version": version, "outputs": [output]}
    return response | ({"id": request["id"]} if "id" in request else {})


def create_app(model: FlightModel, version: str) -> Starlette:
    """Return the server as any team might have written it; nothing in it knows of Watchglass."""

    async def infer(request: Request) -> Response:
        try:
            response = answer(model, version, await request.body())
        except (KeyError, ValueError, TypeError) as error:
            return JSONResponse({"error": f"not a request this model can answer: {error!r}"}, status_code=400)
        return Response(msgspec.json.encode(response), media_type="application/json")

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True})

    return Starlette(routes=[Route(INFER, infer, methods=["POST"]), Route("/v2/health/ready", ready)])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Serve the flight model over the Open Inference Protocol v2.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="safetensors, with its configuration beside it")
    parser.add_argument("--version", default="1", help="the model version that the weights are (default: 1)")
    parser.add_argument("--watchglass", help="address of Watchglass; without it nothing is captured")
    return parser.parse_args()


def main() -> None:
    """Serve on loopback until stopped."""
    options = arguments()
    torch.set_num_threads(1)  # requests are small: a second thread would cost more than it gives
    app: Any = create_app(train.load(options.weights), options.version)
    if options.watchglass:
        app = CaptureMiddleware(app, url=options.watchglass, model=MODEL, version=options.version)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
