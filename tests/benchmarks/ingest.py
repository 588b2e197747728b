"""How much capture takes, against the bare parts it stands on: ``make bench BENCH=ingest``; prints one JSON line last.

Everything is measured in this run, in turn, and compared by the median of the pairs' ratios:

- Arrow batches over HTTP into a real ``serve``, against a bare ``INSERT … SELECT`` of the same batches, a commit each;
- single rows as JSON, against a bare Starlette route that only parses the same body, on the same server and client;
- a batch of a store of ten million rows, against one of a hundred thousand.

Rows are durable when they are answered, on both sides. Profiles are included: what the server still computes after the
last answer is added to its time. ``PAIRS``, ``SECONDS``, ``ROWS`` (Arrow rows a run), ``STORED`` and ``CONNECTIONS``
set the size; ``SETTLE`` is how long the server is left to itself, which writes profiles every 5 s.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import urllib3

from app.demo.processes import Child, free_port
from tests.benchmarks import ingest_dedupe
from tests.benchmarks.ingest_rows import MODEL, PATH, SCHEMA, STREAM, json_request, rows, sent, stream
from tests.benchmarks.load import post

REFERENCE_ROWS = 5_000
BATCHES = (1_000, 10_000)


class Sizes:
    """How much is measured; from the environment."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.pairs = int(given.get("PAIRS", "5"))
        self.seconds = float(given.get("SECONDS", "4"))
        self.rows = int(given.get("ROWS", "640000"))
        self.stored = int(given.get("STORED", "10000000"))
        self.settle = float(given.get("SETTLE", "6"))
        self.connections = int(given.get("CONNECTIONS", "64"))


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Servers:
    """A real server with the benchmark's model, and the bare route."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.port, self.bare_port = free_port(), free_port()
        config = directory / "watchglass.toml"
        config.write_text(f'data_dir = "{directory / "store"}"\n')
        arguments = ["app.cli", "serve", "--port", str(self.port), "--config", str(config)]
        self.ours = Child("serve", arguments, directory / "serve.log")
        stack.callback(self.ours.stop)
        self.bare = Child(
            "bare", ["tests.benchmarks.ingest_bare", "route", str(self.bare_port)], directory / "bare.log"
        )
        stack.callback(self.bare.stop)
        url = f"http://127.0.0.1:{self.port}"
        self.ours.wait_ready(f"{url}/healthz")
        _ok(urllib3.request("PUT", f"{url}/v1/models/{MODEL}", json={"schema": SCHEMA}))
        names = "time=time&id=id&prediction=prediction&scores=score"
        reference = f"{url}/v1/models/{MODEL}/versions/1/reference?{names}"
        body = stream(rows(REFERENCE_ROWS, 1, "reference"))
        _ok(urllib3.request("POST", reference, body=body, headers={"content-type": STREAM}))

    def settled(self, seconds: float) -> float:
        """Wait until the server has profiled what it took, and return the processor time that this cost it."""
        begun = cpu_seconds(self.ours.pid)
        deadline = time.monotonic() + seconds
        last = begun
        while True:
            time.sleep(0.2)
            now = cpu_seconds(self.ours.pid)
            if time.monotonic() > deadline and now - last < 0.03:
                return now - begun
            last = now


def _ok(answer: Any) -> None:
    if answer.status not in {200, 201}:
        raise RuntimeError(f"{answer.status}: {answer.data[:500]!r}")


def load(port: int, requests: Sequence[bytes], sizes: Sizes, *, seconds: float = 1e9, first: int = 0) -> dict[str, Any]:
    """Send requests from a process of their own and return what came of them."""
    arguments = [f"--port={port}", f"--seconds={seconds}", f"--connections={sizes.connections}", f"--first={first}"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load", *arguments],
        input=b"\n".join(base64.b64encode(request) for request in requests),
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    unexpected = set(found["statuses"]) - {"200", "429", "503"}
    if unexpected:
        raise RuntimeError(f"unexpected answers: {found['statuses']}")
    return found


def json_rates(servers: Servers, sizes: Sizes, number: int) -> tuple[float, float, float]:
    """Return single-row requests a second of ours and of the bare route, and the generator's largest CPU share."""
    first = number * 10_000_000
    run = [json_request()]

    def ours() -> tuple[float, float]:
        found = load(servers.port, run, sizes, seconds=sizes.seconds, first=first)
        return found["answered"] / (found["seconds"] + servers.settled(sizes.settle)), found["cpu_share"]

    def bare() -> tuple[float, float]:
        found = load(servers.bare_port, run, sizes, seconds=sizes.seconds, first=first)
        return found["answered"] / found["seconds"], found["cpu_share"]

    (mine, busy), (its, other) = _in_turn(ours, bare, number)
    return mine, its, max(busy, other)


def arrow_rates(servers: Servers, sizes: Sizes, directory: Path, batch: int, number: int) -> tuple[float, float, float]:
    """Return rows a second of ours and of the bare insert, for batches of this size, and the generator's CPU share."""
    count = max(sizes.rows // batch, 2)
    tables = [sent(rows(batch, at, f"{batch}-{number}-{at}")) for at in range(count)]
    requests = [post(PATH, stream(table), STREAM) for table in tables]
    file = directory / "batches.arrow"
    with pa.ipc.new_file(str(file), tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)

    def ours() -> tuple[float, float]:
        found = load(servers.port, requests, sizes)
        if found["answered"] != count:
            raise RuntimeError(f"{found['answered']} of {count} batches were stored: {found['statuses']}")
        return count * batch / (found["seconds"] + servers.settled(sizes.settle)), found["cpu_share"]

    def bare() -> tuple[float, float]:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            program = [sys.executable, "-m", "tests.benchmarks.ingest_bare", "insert", str(file), folder]
            found = json.loads(subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout)
        return found["rows"] / found["seconds"], 0.0

    (mine, busy), (its, _) = _in_turn(ours, bare, number)
    return mine, its, busy


def _in_turn(one: Any, other: Any, number: int) -> tuple[Any, Any]:
    """Call both, the first one first in every other pair."""
    if number % 2:
        second = other()
        return one(), second
    first = one()
    return first, other()


def measure(directory: Path, sizes: Sizes) -> dict[str, float]:
    """Return all figures; progress goes to standard error."""
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        servers = Servers(directory, stack)
        for batch in BATCHES:
            pairs = [arrow_rates(servers, sizes, directory, batch, number) for number in range(sizes.pairs)]
            _note(figures, f"arrow_{batch}", pairs)
        figures["arrow_vs_bare_insert"] = min(figures[f"arrow_{batch}_ratio"] for batch in BATCHES)
        figures["arrow_rows_per_s"] = min(figures[f"arrow_{batch}_per_s"] for batch in BATCHES)
        json_rates(servers, Sizes({"SECONDS": "0.5", "SETTLE": "0"}), 900)  # warm both
        pairs = [json_rates(servers, sizes, number) for number in range(sizes.pairs)]
        _note(figures, "json", pairs)
        figures["json_requests_per_s"] = figures.pop("json_per_s")
        figures["json_vs_bare_route"] = figures.pop("json_ratio")
        figures["generator_headroom"] = 1 - max(busy for _, _, busy in pairs)
    figures |= ingest_dedupe.measure(directory, max(sizes.stored // 100, 1), sizes.stored, 10 * sizes.pairs)
    return figures


def _note(figures: dict[str, float], what: str, pairs: Sequence[tuple[float, float, float]]) -> None:
    figures[f"{what}_per_s"] = float(np.median([mine for mine, _, _ in pairs]))
    figures[f"{what}_bare_per_s"] = float(np.median([its for _, its, _ in pairs]))
    figures[f"{what}_ratio"] = float(np.median([mine / its for mine, its, _ in pairs]))
    shown = ", ".join(f"{mine:,.0f}/{its:,.0f}" for mine, its, _ in pairs)
    print(f"{what}: {shown} a second; ratio {figures[f'{what}_ratio']:.3f}", file=sys.stderr, flush=True)  # noqa: T201 - progress


def main() -> None:
    """Measure, and print one JSON line last."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), Sizes(os.environ))
    rounded = {name: round(value, 4) for name, value in figures.items()}
    line = {"bench": "ingest", "figures": rounded, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()
