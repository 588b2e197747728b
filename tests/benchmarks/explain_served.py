"""Explanations as they are met over HTTP: cached, first and concurrent answers, beside a model that serves.

Used by ``tests.benchmarks.explain``. ``CACHED`` answers from the store, ``ASKERS`` at once, ``PROBED`` rows through
each way of capture. Everything runs in processes of its own on the demo's model, trained on January.
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import urllib3

from app.demo import data, registration, train
from app.demo.model import FlightModel
from app.demo.processes import Child, free_port
from app.demo.story import INFER, MODEL
from monitor.client.probe import probing
from monitor.schema import schema_to_dict

CACHED, ASKERS, PROBED, FRESH = (
    int(os.environ.get(name, usual)) for name, usual in (("CACHED", 100), ("ASKERS", 20), ("PROBED", 5), ("FRESH", 20))
)
SETTLE_SECONDS = 3.0
"""How long what was captured by mistake has to arrive."""


class Place:
    """Watchglass and the served models, in one directory."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory, self._stack = directory, stack
        self.http = urllib3.PoolManager(maxsize=ASKERS + 4, timeout=120, retries=False)
        january = data.between(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))
        self.model, config = train.train(january, seed=1, epochs=2)
        self.weights = directory / "model.safetensors"
        train.save(self.model, config, self.weights)
        self.january = january.filter(pc.is_valid(january["arr_delay"]))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (directory / "watchglass.toml").write_text(
            f'data_dir = "{directory / "store"}"\n[explain]\nclasses = ["{registration.MODEL_CLASS}"]\n'
        )

    def child(self, module: list[str], port: int, ready: str) -> Child:
        """Start a process and wait until it answers."""
        child = Child(module[0], module, self.directory / f"{port}-{module[0]}.log")
        self._stack.callback(child.stop)
        child.wait_ready(f"http://127.0.0.1:{port}{ready}")
        return child

    def serve(self) -> Child:
        """Start Watchglass, and wait until it says that explanations need not wait for anything."""
        where = ["--port", str(self.port), "--config", str(self.directory / "watchglass.toml")]
        child = self.child(["app.cli", "serve", *where], self.port, "/healthz")
        child.wait_ready(f"{self.url}/v1/explanations/readiness")
        self._server = child
        return child

    def processes(self) -> dict[str, int]:
        """Return the ids of the server's process and of its worker's."""
        pid = self._server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        workers = [int(each) for each in children if b"explain.engine" in Path(f"/proc/{each}/cmdline").read_bytes()]
        return {"server": pid, **{f"worker_{at}": each for at, each in enumerate(workers)}}

    def served(self, watchglass: str = "") -> int:
        """Start a served model, watched in its own process where ``watchglass`` is given; return its port."""
        port = free_port()
        watched = ["--watchglass", watchglass] if watchglass else []
        arguments = ["app.demo.serve_model", "--port", str(port), "--weights", str(self.weights), *watched]
        self.child(arguments, port, "/v2/health/ready")
        return port

    def proxied(self, upstream: int) -> int:
        """Start the proxy before a served model; return its port."""
        port = free_port()
        where = ["--upstream", f"http://127.0.0.1:{upstream}", "--listen-port", str(port), "--version", "1"]
        self.child(["app.cli", "proxy", *where, "--model", MODEL, "--url", self.url], port, "/v2/health/ready")
        return port

    def ask(self, method: str, path: str, **given: Any) -> Any:
        """Ask Watchglass."""
        answer = self.http.request(method, self.url + path, **given)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data[:500]!r}")
        return json.loads(answer.data) if answer.data else None

    def register(self, endpoints: dict[str, int]) -> None:
        """Register the model, a version for the file, and one for each served address."""
        of = registration.schema(self.january)
        self.ask("PUT", f"/v1/models/{MODEL}", json={"schema": schema_to_dict(of)})
        artifact = {"adapter": "torch", "class": registration.MODEL_CLASS, "weights": str(self.weights)}
        artifact["config"] = str(self.weights.with_suffix(".json"))
        for version, port in {"1": 0, **endpoints}.items():
            endpoint = {"url": f"http://127.0.0.1:{port}{INFER}", "dialect": "v2"} if port else None
            path = f"/v1/models/{MODEL}/versions/{version}"
            self.ask("PUT", path, json={"artifact": artifact, **({"endpoint": endpoint} if endpoint else {})})

    def capture(self, version: str, count: int) -> list[str]:
        """Send rows as predictions of a version; return their ids."""
        names = list(self.model.columns)
        picked = self.january.select([each for each in self.january.column_names if each in names])[:count].to_pylist()
        rows = [
            {
                "id": f"{version}-{at}",
                "version": version,
                "time": f"2013-02-01T{at // 60:02d}:{at % 60:02d}:00Z",
                "features": row,
                "scores": [0.5],
            }
            for at, row in enumerate(picked)
        ]
        self.ask("POST", f"/v1/models/{MODEL}/inferences", json=rows)
        return [str(row["id"]) for row in rows]

    def explain(self, row: str, **given: object) -> dict[str, Any]:
        """Explain one row."""
        told: dict[str, Any] = self.ask("POST", f"/v1/models/{MODEL}/inferences/{row}/explanations", json=given)
        return told

    def stored(self) -> int:
        """Return how many rows are stored."""
        told = self.ask("GET", "/v1/ledger")
        return sum(line["rows"] for line in told["lines"] if line["outcome"] == "stored")


@contextmanager
def place() -> Iterator[Place]:
    """Make everything, and remove it."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        yield Place(Path(directory), stack)


def figures() -> dict[str, object]:
    """Return the service's figures."""
    with place() as here:
        watching = here.serve()
        bare = here.served()
        endpoints = {"middleware": here.served(here.url), "proxy": here.proxied(bare)}
        here.register(endpoints)
        ids = here.capture("1", 2 * FRESH + ASKERS + 20)
        watching.stop()
        here.serve()
        begun = time.perf_counter()
        here.explain(ids[-1], version="1", method="shapley")
        first = time.perf_counter() - begun
        return {
            "first_s": round(first, 3),
            **_cached(here, ids[-1]),
            **_fresh(here, ids[FRESH : 2 * FRESH]),
            **_beside_traffic(here, bare, ids[-ASKERS:]),
            "probe_rows_captured": _probed(here, endpoints),
        }


def _cached(here: Place, row: str) -> dict[str, float]:
    """Return the milliseconds of an answer that is in the store."""
    took = [_milliseconds(here, row) for _ in range(CACHED)]
    return {"cached_ms": round(float(np.median(took)), 2), "cached_p95_ms": round(float(np.percentile(took, 95)), 2)}


def _fresh(here: Place, rows: list[str]) -> dict[str, float]:
    """Return the milliseconds of answers that are not, from the request to the stored explanation with its quality."""
    took = [_milliseconds(here, row) for row in rows]
    return {
        "served_p50_ms": round(float(np.median(took)), 1),
        "served_p95_ms": round(float(np.percentile(took, 95)), 1),
    }


def _milliseconds(here: Place, row: str) -> float:
    begun = time.perf_counter()
    here.explain(row, version="1", method="shapley")
    return (time.perf_counter() - begun) * 1e3


def _beside_traffic(here: Place, served: int, ids: list[str]) -> dict[str, object]:
    """Explain rows at once while the model serves; count wrong explanations and answers that changed."""
    body = json.dumps({"id": "same", "inputs": _inputs(here, 4)}).encode()
    url = f"http://127.0.0.1:{served}{INFER}"

    def answer() -> bytes:
        return bytes(here.http.request("POST", url, body=body, headers={"content-type": "application/json"}).data)

    usual, differing, done = answer(), 0, threading.Event()

    def traffic() -> int:
        wrong = 0
        while not done.is_set():
            wrong += answer() != usual
        return wrong

    processes = here.processes()
    had = {name: _memory_mb(pid, "VmRSS") for name, pid in processes.items()}
    for pid in processes.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak starts again
    with ThreadPoolExecutor(len(ids) + 1) as pool:
        serving = pool.submit(traffic)
        try:
            found = list(pool.map(lambda row: here.explain(row, version="1", method="shapley", seed=7), ids))
        finally:
            done.set()
        differing = serving.result()
    numbers = [int(each.rpartition("-")[2]) for each in ids]
    columns = data.columns(here.january.take(numbers), here.model.columns)
    truth = here.model.predict(columns)
    wrong = 0
    for told, expected in zip(found, truth, strict=True):
        total = told["base_value"] + sum(told["attributions"].values())
        wrong += bool(abs(told["prediction"] - expected) > 1e-6 or abs(total - expected) > 1e-6)
    return {
        "concurrent": len(ids),
        "concurrent_wrong": wrong,
        "served_differing": differing,
        "concurrent_memory_mb": {
            name: round(_memory_mb(pid, "VmHWM") - had[name], 1) for name, pid in processes.items()
        },
    }


def _memory_mb(pid: int, what: str) -> float:
    """Return a process's memory now (VmRSS) or at its peak (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(what)).split()[1]) / 1024


def _inputs(here: Place, rows: int) -> list[dict[str, Any]]:
    table = here.january[:rows].to_pydict()
    kinds = {name: "BYTES" if name in data.CATEGORIES else "FP64" for name in here.model.columns}
    return [{"name": name, "shape": [rows, 1], "datatype": kind, "data": table[name]} for name, kind in kinds.items()]


def _probed(here: Place, endpoints: dict[str, int]) -> int:
    """Explain through middleware and proxy, ask a module the client watches as a probe; count what was captured."""
    before = here.stored()
    expected = 0
    for version in endpoints:
        rows = here.capture(version, PROBED)
        expected += len(rows)
        for row in rows[-2:]:
            here.explain(row, version=version, target="endpoint", method="lime", settings={"rows": 200})
    expected += _watched(here)
    time.sleep(SETTLE_SECONDS)
    return here.stored() - before - expected


def _watched(here: Place) -> int:
    """Ask a module that the client watches in this process, as a probe and once not; return how many rows that is."""
    import torch

    from monitor.client import Client
    from monitor.client.torch import watch

    model: FlightModel = train.load(here.weights)
    table = here.january[:PROBED]
    columns = data.columns(table, here.model.columns)
    client = Client(here.url, MODEL, "1")
    rows = {name: table[name].to_pylist() for name in here.model.columns}
    watch(model, client, features=lambda *_: rows, output="logit")
    with torch.inference_mode():
        with probing():
            model(*model.encode(columns))
        model(*model.encode(columns))
    client.close()
    return PROBED


if __name__ == "__main__":
    print(json.dumps(figures()))  # noqa: T201 - read by whoever runs this part alone
