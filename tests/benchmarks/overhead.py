"""Whether a served model notices being watched: ``make bench BENCH=overhead``; prints one JSON line last.

- ``client.log`` is called evenly, and its 99th percentile taken.
- The same served model is asked bare, once more bare (the A/A pair), with the middleware and through the proxy, in
  turn, at times that do not wait (30 % of what the bare one can do). Figures are medians over the pairs of what the
  99th percentile gained; ``aa_spread_ms`` is the median size of that between two bare servers: below it is noise.
- With a collector that is up, refuses, hangs (SIGSTOP) and answers 503: every answer is compared with the bare
  server's, byte by byte; the memory that the watching process gained, beyond its queue, which fills up where nobody
  takes from it (``queue_used_share``); how much longer than the bare one it takes to end.

The collector runs at a lower priority, as it should beside a model (app/docs/servers.md). ``cpu_waited_share`` is the
share of the open-loop time in which some process of the machine waited for a processor: where it is more than about a
third, others were at work, and the latencies are theirs too.

``PAIRS``, ``REQUESTS`` (a measurement), ``RESPONSES`` (over all states), ``WORK_MS`` (of the model) and ``CALLS`` set
the size.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from app.demo.processes import Child, free_port
from tests.benchmarks.overhead_place import SERVER, Place, cpu_waited, rss_mb
from tests.benchmarks.overhead_request import request
from tests.benchmarks.overhead_server import layers_in

QUEUE_MB = 16 * 2**20 / 1e6
LOAD = 0.3
STATE_ROWS = 96
"""Rows a request beside a collector in some state: so many that the requests fill the queue more than twice."""
STATE_RATE = 150.0
SETTLE_SECONDS = 60.0
"""How long the collector may take to store the last rows."""
STATES = ("up", "refusing", "hanging", "unavailable")


class Sizes:
    """How much is measured; from the environment."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.pairs = int(given.get("PAIRS", "9"))
        self.requests = int(given.get("REQUESTS", "700"))
        self.responses = int(given.get("RESPONSES", "10000"))
        self.work_ms = float(given.get("WORK_MS", "1"))
        self.calls = int(given.get("CALLS", "10000"))


def ask(port: int, rate: float, requests: int, *, rows: int = 1, begin: str = "aaa") -> dict[str, Any]:
    """Send requests at ``rate`` a second from a process of their own."""
    given = {"port": port, "rate": rate, "requests": requests, "begin": begin}
    program = [sys.executable, "-m", "tests.benchmarks.overhead_load", *(f"--{k}={v}" for k, v in given.items())]
    done = subprocess.run(program, input=request(rows), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def capacity(port: int, seconds: float) -> float:
    """Return how many requests a second a server answers to callers that wait for it."""
    program = [sys.executable, "-m", "tests.benchmarks.load", f"--port={port}", f"--seconds={seconds}"]
    pattern = base64.b64encode(request(1))
    done = subprocess.run([*program, "--connections=8"], input=pattern, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    return float(found["answered"] / found["seconds"])


def stored(url: str) -> int:
    """Return how many rows the collector has stored."""
    told = json.loads(urllib3.request("GET", f"{url}/v1/ledger").data)
    return sum(line["rows"] for line in told["lines"] if line["outcome"] == "stored")


def latencies(place: Place, url: str, sizes: Sizes, there: int) -> dict[str, float]:
    """Return what the middleware and the proxy add, the noise, and the share captured beside the rows ``there``."""
    layers = layers_in(sizes.work_ms)
    (_, bare), (_, twin), (_, inside) = place.model(layers), place.model(layers), place.model(layers, url)
    _, before = place.proxy(bare, url)
    place.wait()
    ports = {"bare": bare, "twin": twin, "inprocess": inside, "proxy": before}
    rate = LOAD * capacity(bare, min(sizes.requests / 100, 3.0))
    for name, port in ports.items():
        ask(port, rate, max(sizes.requests // 10, 50), begin=f"w{name[:2]}")
    p99: dict[str, list[float]] = {name: [] for name in ports}
    failed = 0
    begun, waited = time.perf_counter(), cpu_waited()
    for pair in range(sizes.pairs):
        order = list(ports)[pair % 4 :] + list(ports)[: pair % 4]
        for name in order:
            found = ask(ports[name], rate, sizes.requests, begin=f"{name[0]}{pair:02d}")
            p99[name].append(float(np.percentile(found["latencies"], 99)))
            failed += found["failed"]
        print(json.dumps({name: round(times[-1], 3) for name, times in p99.items()}), file=sys.stderr)  # noqa: T201
    waited_share = (cpu_waited() - waited) / (time.perf_counter() - begun)
    sent = 2 * (sizes.pairs * sizes.requests + max(sizes.requests // 10, 50))
    deadline = time.monotonic() + SETTLE_SECONDS
    while stored(url) - there < sent and time.monotonic() < deadline:
        time.sleep(0.2)
    base = np.array(p99["bare"])
    return {
        "bare_p99_ms": float(np.median(base)),
        "inprocess_added_p99_ms": float(np.median(p99["inprocess"] - base)),
        "proxy_added_p99_ms": float(np.median(p99["proxy"] - base)),
        "aa_spread_ms": float(np.median(np.abs(p99["twin"] - base))),
        "captured_share": (stored(url) - there) / sent,
        "open_loop_failed": failed,
        "rate_per_s": rate,
        "cpu_waited_share": waited_share,
    }


def stop_seconds(child: Child) -> float:
    """Ask a process to end, and return how long that takes."""
    begun = time.perf_counter()
    child.stop()
    return time.perf_counter() - begun


def state_url(place: Place, state: str, up: str) -> tuple[str, Child | None]:
    """Return the address of a collector in this state, and the process that has to be let go on in the end."""
    if state == "up":
        return up, None
    port = free_port()
    if state == "refusing":
        return f"http://127.0.0.1:{port}", None
    child = place.child([SERVER, "unavailable", f"--port={port}"], port, "/healthz")
    place.wait()
    if state == "hanging":
        os.kill(child.pid, signal.SIGSTOP)
        place.stack.callback(os.kill, child.pid, signal.SIGCONT)
        return f"http://127.0.0.1:{port}", child
    return f"http://127.0.0.1:{port}", None


def in_state(place: Place, state: str, up: str, responses: int) -> dict[str, float]:
    """Compare the answers of watched servers with the bare one's while the collector is in this state."""
    url, stopped = state_url(place, state, up)
    bare, port = place.model(0)
    inside, inside_port = place.model(0, url)
    before, before_port = place.proxy(port, url)
    place.wait()
    half = max(responses // 2, 1)
    first = min(half, 50)
    ask(port, STATE_RATE, first, rows=STATE_ROWS)
    wanted = ask(port, STATE_RATE, half, rows=STATE_ROWS, begin=state[:3])
    failed = differing = 0
    grown = []
    for child, watched in ((inside, inside_port), (before, before_port)):
        ask(watched, STATE_RATE, first, rows=1)
        memory = rss_mb(child)
        found = ask(watched, STATE_RATE, half, rows=STATE_ROWS, begin=state[:3])
        grown.append(rss_mb(child) - memory)
        if child is inside:
            told = json.loads(urllib3.request("GET", f"http://127.0.0.1:{watched}/watched").data)
        failed += found["failed"]
        differing += sum(one != other for one, other in zip(found["digests"], wanted["digests"], strict=True))
    with ThreadPoolExecutor() as both:
        ends = list(both.map(stop_seconds, (inside, before)))
    own = stop_seconds(bare)
    if stopped is not None:
        os.kill(stopped.pid, signal.SIGCONT)
    return {
        "responses": 2 * half,
        "responses_differing": differing,
        "responses_failed": failed,
        "queue_used_share": told["queued_bytes"] / 1e6 / QUEUE_MB,
        "rss_over_queue_mb": max(grown) - QUEUE_MB,
        "exit_flush_s": max(max(ends) - own, 0.0),
    }


def measure(directory: Path, sizes: Sizes) -> dict[str, float]:
    """Return all figures."""
    with ExitStack() as stack:
        place = Place(directory, stack)
        url = place.collector()
        program = [sys.executable, "-m", SERVER, "log", f"--watchglass={url}", f"--calls={sizes.calls}"]
        told = json.loads(subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout)
        figures = {"log_p99_ms": told["p99_ms"]}
        figures |= latencies(place, url, sizes, stored(url))
        states = {state: in_state(place, state, url, sizes.responses // len(STATES)) for state in STATES}
    for state, found in states.items():
        print(state, json.dumps({name: round(value, 3) for name, value in found.items()}), file=sys.stderr)  # noqa: T201
    for name in ("responses", "responses_differing", "responses_failed"):
        figures[name] = sum(found[name] for found in states.values())
    figures["queue_used_share"] = min(found["queue_used_share"] for state, found in states.items() if state != "up")
    for name in ("rss_over_queue_mb", "exit_flush_s"):
        figures[name] = max(found[name] for found in states.values())
    return figures


def main() -> None:
    """Measure, and print one JSON line last."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), Sizes(os.environ))
    rounded = {name: round(value, 4) for name, value in figures.items()}
    line = {"bench": "overhead", "figures": rounded, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()
