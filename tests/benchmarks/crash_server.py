"""A server that is killed and started again unattended, and the model it captures."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import urllib3

from app.demo.processes import free_port
from tests.benchmarks.crash_check import MODEL
from tests.benchmarks.crash_senders import Shared

DEADLINE = 240.0
"""Longest wait for anything, in seconds."""

Trace = tuple[str, str, int]
"""The system call at which strace kills, the suffix of the file it is on, and which of such calls it is."""


@dataclass(slots=True)
class Supervisor:
    """Starts the server, kills it and starts it again, and measures how long senders went without a 200."""

    directory: Path
    shared: Shared
    port: int = field(default_factory=free_port)
    restarts: list[float] = field(default_factory=list)
    kills: int = 0
    fired: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.directory / "data" / "watchglass.duckdb"

    def launch(self, point: str = "", trace: Trace | None = None) -> None:
        """Start the server, to be killed at a point of our own or at a system call, if given."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHGLASS_")}
        environment |= {"WATCHGLASS_DATA_DIR": str(self.directory / "data"), "WATCHGLASS_SCHEDULER__ENABLED": "false"}
        if point:
            environment["CRASH_POINT"] = point
        command = [sys.executable, "-m", "tests.benchmarks.crash_child", str(self.port)]
        if trace is not None:
            call, suffix, count = trace
            path = f"{self.database}{suffix}"
            inject = f"inject={call}:signal=SIGKILL:when={count}"
            quiet = ["strace", "-f", "-qqq", "-o", "/dev/null"]
            command = [*quiet, "-P", path, "-e", f"trace={call}", "-e", inject, *command]
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def wait_answer(self, since: float) -> float:
        """Wait until a request that was begun after ``since`` has been answered 200; return when that was."""
        deadline = time.monotonic() + DEADLINE
        while self.shared.newest.value <= since:
            if time.monotonic() > deadline:
                log = (self.directory / "server.log").read_text(errors="replace")
                raise RuntimeError(f"no 200 within {DEADLINE:g} s of a restart; the server's log ends:\n{log[-3000:]}")
            time.sleep(0.002)
        return time.monotonic()

    def end(self, seconds: float = 0.0) -> None:
        """Wait for the server to die, at most ``seconds``; kill it if it has not."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
            self.fired += 1
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.kills += 1

    def stop(self) -> None:
        """End the server in order."""
        assert self._process is not None
        self._process.terminate()
        if self._process.wait(DEADLINE) not in (0, -signal.SIGTERM):
            raise RuntimeError(f"the server ended with {self._process.returncode}")


def register(url: str) -> None:
    """Register the model and a reference once the server answers, so that profiles grow from the first row on."""
    features = [{"name": "x", "kind": "numeric"}, {"name": "carrier", "kind": "categorical"}]
    schema = {"task": "binary", "classes": ["no", "yes"], "features": features}
    ask(url, "PUT", f"/v1/models/{MODEL}", json={"schema": schema, "settings": {"segments": ["carrier"]}})
    spread = [number / 10 for number in range(-100, 100)]
    rows = {"x": spread, "carrier": ["A", "B"] * 100, "s": [0.5] * 200, "t": [datetime(2013, 5, 1, tzinfo=UTC)] * 200}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, (table := pa.table(rows)).schema) as writer:
        writer.write_table(table)
    path = f"/v1/models/{MODEL}/versions/1/reference?time=t&scores=s"
    media = {"content-type": "application/vnd.apache.arrow.stream"}
    ask(url, "POST", path, body=sink.getvalue().to_pybytes(), headers=media)


def ask(url: str, method: str, path: str, **given: Any) -> None:
    """Send a request, again until the server is there.

    Raises:
        RuntimeError: it refused.
    """
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            answer = urllib3.request(method, url + path, retries=False, timeout=60, **given)
        except urllib3.exceptions.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            break
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path} was answered {answer.status}: {answer.data!r}")
