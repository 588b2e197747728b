"""How fast the demo's parts are on this machine: ``make bench BENCH=demo``; prints one JSON line last.

A month of real flights is replayed by the demo's own driver, with everything on; then single parts are timed on what
it left: the served model with and without capture, asked in turn; both explainers; one day's drift job.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from app.demo import data
from app.demo.folder import prepare
from app.demo.processes import Child, PeakMemory, free_port
from app.demo.replay import Demo
from app.demo.show import Show
from app.demo.story import MODEL, Story, midnight
from app.demo.traffic import ServedModel, portions, request_body
from app.link import HttpTransport, Link
from app.runtime import Runtime
from monitor.config import load
from monitor.types import Window

FIRST, UNTIL = date(2013, 8, 1), date(2013, 9, 1)
REQUESTS = 2_000
WARM_UP = 100
EXPLAINED = 11


def story() -> Story:
    """August alone: version 2 from the 6th, the fault as in the demo."""
    whole = Story()
    one, two = whole.editions
    editions = (replace(one, served=FIRST), replace(two, served=FIRST + timedelta(days=5)))
    return replace(whole, first=FIRST, until=UNTIL, editions=editions)


def capture_added_p99_ms(plain: ServedModel, captured: ServedModel) -> float:
    """Return how much longer the 99th percentile of requests takes with capture, asked in turn, in ms."""
    flights = data.between(midnight(FIRST), midnight(UNTIL))
    bodies = []
    for start, end in portions(flights.num_rows, 36, seed=1):
        rows = flights.slice(start, end - start).to_pydict()
        bodies.append(request_body(rows, [f"bench-{identity}" for identity in rows["id"]]))
    seconds: Mapping[ServedModel, list[float]] = {plain: [], captured: []}
    for number in range(WARM_UP + REQUESTS):
        for server in (plain, captured) if number % 2 else (captured, plain):
            started = time.perf_counter()
            server.ask(bodies[number % len(bodies)], {"watchglass-time": f"{FIRST.isoformat()}T12:00:00+00:00"})
            if number >= WARM_UP:
                seconds[server].append(time.perf_counter() - started)
    added = np.percentile(seconds[captured], 99) - np.percentile(seconds[plain], 99)
    return float(added) * 1e3


def explain_p50_s(link: Link, method: str) -> float:
    """Return the median seconds of a fresh explanation by id over HTTP, after one that warms the worker."""
    flights = data.between(midnight(FIRST + timedelta(days=20)), midnight(FIRST + timedelta(days=21)))
    seconds = []
    for identity in flights["id"].to_pylist()[:EXPLAINED]:
        started = time.perf_counter()
        link.ask("POST", f"/v1/models/{MODEL}/inferences/{identity}/explanations", json_body={"method": method})
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


def drift_job_p50_s(config: Path) -> float:
    """Return the median seconds of one day's drift job, on the store that the replay left."""
    runtime = Runtime.open(load(config), scheduling=False)
    seconds = []
    try:
        for day in data.days(FIRST, UNTIL):
            window = Window(midnight(day), midnight(day + timedelta(days=1)))
            started = time.perf_counter()
            runtime.scheduler.run_job(MODEL, "drift", window)
            seconds.append(time.perf_counter() - started)
    finally:
        runtime.close()
    return float(np.median(seconds))


def plain_server(directory: Path, weights: Path, stack: ExitStack) -> ServedModel:
    """Start the model server once more, without capture."""
    port = free_port()
    child = Child(
        "model-plain",
        ["app.demo.serve_model", "--port", str(port), "--weights", str(weights), "--version", "2"],
        directory / "logs" / "model-plain.log",
        {"OMP_NUM_THREADS": "1"},
    )
    stack.callback(child.stop)
    child.wait_ready(f"http://127.0.0.1:{port}/v2/health/ready")
    return ServedModel(f"http://127.0.0.1:{port}")


def main() -> None:
    """Measure, and print one JSON line last."""
    started = time.perf_counter()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with PeakMemory() as memory, ExitStack() as stack:
            demo = Demo(story(), prepare(directory / "demo"), None, Show(), stack)
            demo.play()
            figures["replay_predictions_per_s"] = demo.summary.predictions / demo.replay_seconds
            plain = plain_server(directory, directory / "demo" / "models" / "2" / "model.safetensors", stack)
            figures["capture_added_p99_ms"] = capture_added_p99_ms(plain, demo.served["2"])
            link = stack.enter_context(Link(HttpTransport(demo.url), demo.url))
            for method in ("shap", "lime"):
                figures[f"explain_{method}_p50_s"] = explain_p50_s(link, method)
        figures["drift_job_p50_s"] = drift_job_p50_s(directory / "demo" / "watchglass.toml")
        figures["peak_rss_mb"] = memory.rss_mb
    rounded = {name: round(value, 4) for name, value in figures.items()}
    line = {"bench": "demo", "figures": rounded, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()
