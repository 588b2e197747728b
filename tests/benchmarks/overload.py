"""Ten times what the server can store, then a disk that fills up again and again: ``make bench BENCH=overload``.

``SECONDS`` of overload (60) by ``FACTOR`` (10) from several processes, beside one with our own client; then ``CYCLES``
(20) fills of a small disk. Every row sent must be stored, or counted as refused or dropped.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import urllib3

from app.demo.processes import Child, free_port, memory_mb
from tests.benchmarks.crash_server import ask
from tests.benchmarks.overload_senders import CONTEXT, ROWS, Fates, Sender, flood, log

PROCESSES = 2
RAW, SDK, PROBE = "raw", "sdk", "probe"


class Memory:
    """The server's resident memory, sampled until it is left, in MB."""

    def __init__(self, process: int) -> None:
        self.before = self.peak = memory_mb(process)[1]
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.25):
            self.peak = max(self.peak, memory_mb(self._process)[1])


def overload(directory: Path, seconds: float, factor: float) -> dict[str, float]:
    """Measure what the server can store, send ``factor`` times that, and account for every row."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"WATCHGLASS_DATA_DIR": str(directory / "data"), "WATCHGLASS_SCHEDULER__ENABLED": "false"}
    command = ["app.cli", "serve", "--port", str(port), "--no-dashboard"]
    server = Child("server", command, directory / "log", environment)
    try:
        features = [{"name": "x", "kind": "numeric"}, {"name": "carrier", "kind": "categorical"}]
        for model in (RAW, SDK, PROBE):
            ask(url, "PUT", f"/v1/models/{model}", json={"schema": {"task": "binary", "features": features}})
        capacity = asyncio.run(Sender(url, PROBE, "probe").as_fast_as_answered(max(seconds / 10, 2), 16))
        sys.stderr.write(f"capacity: {capacity * ROWS:,.0f} rows/s\n")
        with Memory(server._process.pid) as memory:
            fates, client = _flood(url, capacity * factor, seconds)
        figures = _account(url, fates, client)
    finally:
        server.stop()
    return figures | {
        "capacity_rows_per_s": round(capacity * ROWS),
        "rss_before_mb": round(memory.before),
        "rss_peak_mb": round(memory.peak),
    }


def _flood(url: str, per_second: float, seconds: float) -> tuple[list[Fates], dict[str, int]]:
    raw: Any = CONTEXT.Queue()
    sdk: Any = CONTEXT.Queue()
    share = per_second / (PROCESSES + 1)
    processes = [
        CONTEXT.Process(target=flood, args=(url, RAW, f"p{place}", share, seconds, raw)) for place in range(PROCESSES)
    ]
    processes.append(CONTEXT.Process(target=log, args=(url, SDK, share, seconds, sdk)))
    for process in processes:
        process.start()
    patience = seconds + 300
    fates = [raw.get(timeout=patience) for _ in range(PROCESSES)]
    client = sdk.get(timeout=patience)
    for process in processes:
        process.join(300)
    return fates, client


def _account(url: str, fates: list[Fates], client: dict[str, int]) -> dict[str, float]:
    """Hold what senders know against the server's ledger and its counts of refusals."""
    lines = urllib3.request("GET", f"{url}/v1/ledger", timeout=60).json()["lines"]
    rows = {
        (model, outcome): sum(line["rows"] for line in lines if (line["model"], line["outcome"]) == (model, outcome))
        for model in (RAW, SDK)
        for outcome in ("stored", "dropped", "rejected")
    }
    metrics = urllib3.request("GET", f"{url}/metrics", timeout=60).data.decode().splitlines()
    mine = f'watchglass_refused_total{{model="{RAW}"'
    counted = sum(float(line.split()[-1]) for line in metrics if line.startswith(mine))
    refused, dropped = sum(each.refused for each in fates), sum(each.dropped for each in fates)
    sent = sum(each.sent for each in fates) * ROWS + client["logged"]
    stored = rows[RAW, "stored"] + rows[SDK, "stored"]
    drops = (refused + dropped) * ROWS + rows[SDK, "dropped"]
    # What the server says it refused must be what senders were told; of an answer that was lost, nobody knows.
    unseen = max(abs(counted - sum(each.refusals for each in fates)) - sum(each.unknown for each in fates), 0)
    return {
        "sent": sent,
        "stored": stored,
        "counted_drops": drops,
        "unaccounted": abs(sent - stored - drops) + int(unseen) * ROWS,
        "refused_requests": refused,
        "refused_without_retry_after": sum(each.silent for each in fates),
        "unanswered_at_first": sum(each.unknown for each in fates),
    }


def fills(cycles: int) -> dict[str, float]:
    """Run the fill cycles in a mount namespace with a small disk of its own where that is allowed."""
    own = ["unshare", "-m"] if subprocess.call(["unshare", "-m", "true"], stderr=subprocess.DEVNULL) == 0 else []
    command = [*own, sys.executable, "-m", "tests.benchmarks.overload_fill", str(cycles)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure, and print one JSON line last."""
    started = time.perf_counter()
    seconds, factor = float(os.environ.get("SECONDS", "60")), float(os.environ.get("FACTOR", "10"))
    with tempfile.TemporaryDirectory() as folder:
        figures = overload(Path(folder), seconds, factor)
    figures |= fills(int(os.environ.get("CYCLES", "20")))
    line = {"bench": "overload", "figures": figures, "seconds": round(time.perf_counter() - started, 1)}
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
