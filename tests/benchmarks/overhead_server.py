"""What the overhead benchmark measures: a served model, a collector that is of no use, a caller of ``client.log``.

python -m tests.benchmarks.overhead_server model --port P --layers 100 [--watchglass URL]
python -m tests.benchmarks.overhead_server unavailable --port P         answers 503 to everything
python -m tests.benchmarks.overhead_server log --watchglass URL --calls 5000 --rate 1000
"""

import argparse
import json
import time
from typing import Any

import msgspec
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware
from tests.benchmarks.ingest_rows import MODEL, rows
from tests.benchmarks.overhead_request import INFER

_MATRIX = np.random.default_rng(0).normal(size=(64, 64))


def layers_in(work_ms: float) -> int:
    """Return how many of the served model's layers take so long here: the least of several runs, undisturbed."""
    took = []
    for _ in range(50):
        begun = time.perf_counter()
        compute(20)
        took.append(time.perf_counter() - begun)
    return round(work_ms / 1e3 / (min(took) / 20))


def compute(layers: int) -> None:
    """Compute as a small network does: NumPy calls that let go of the interpreter, and take it back, at each layer."""
    for _ in range(layers):
        _MATRIX @ _MATRIX


def model(layers: int, client: Client | None = None) -> Starlette:
    """Return a served model as any team might have written it: it reads V2, computes, and answers V2.

    Under ``/watched`` it tells what ``client`` knows of itself. What it computes is a number of layers and not a time:
    time that another thread takes from it must show.
    """

    async def infer(request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        compute(layers)
        first = asked["inputs"][0]["data"]
        scores = [1 / (1 + float(np.exp(-value))) for value in first]
        output = {"name": "scores", "shape": [len(scores)], "datatype": "FP64", "data": scores}
        answer = {"model_name": MODEL, "model_version": "1", "id": asked["id"], "outputs": [output]}
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    async def watched(_: Request) -> Response:
        stats = {} if client is None else client.stats()
        return Response(msgspec.json.encode(stats), media_type="application/json")

    asked = Route(INFER, infer, methods=["POST"])
    return Starlette(routes=[asked, Route("/v2/health/ready", ready), Route("/watched", watched)])


def unavailable() -> Starlette:
    """Return a collector that has no time for anyone."""

    async def refuse(_: Request) -> Response:
        return Response(b"{}", 503, media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/healthz", ready), Route("/{rest:path}", refuse, methods=["POST"])])


def logged(url: str, calls: int, rate: float) -> dict[str, float]:
    """Call ``client.log`` with one row so many times, evenly, and return the percentiles of what a call takes."""
    client = Client(url, MODEL, "1")
    row = rows(1, 3, "log").drop_columns(["id", "time", "prediction", "score"]).to_pylist()[0]
    taken = np.empty(calls)
    begun = time.perf_counter()
    for number in range(calls):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        before = time.perf_counter()
        client.log(row, {"scores": 0.7}, ids=f"log-{number}", latency_ms=1.0)
        taken[number] = time.perf_counter() - before
    client.close()
    return {"p50_ms": float(np.median(taken)) * 1e3, "p99_ms": float(np.percentile(taken, 99)) * 1e3}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("model", "unavailable", "log"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--watchglass", default="")
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=1_000.0)
    options = parser.parse_args()
    if options.what == "log":
        print(json.dumps(logged(options.watchglass, options.calls, options.rate)))  # noqa: T201 - read by the bench
        return
    client = Client(options.watchglass, MODEL, "1", source="asgi") if options.watchglass else None
    app: Any = model(options.layers, client) if options.what == "model" else unavailable()
    if client is not None:
        app = CaptureMiddleware(app, client=client, model=MODEL, version="1")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # so that answers can be compared byte by byte
        timeout_keep_alive=300,
    )


if __name__ == "__main__":
    main()
