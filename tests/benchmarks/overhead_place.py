"""The processes of the overhead benchmark, what they take of the machine, and what others take of it."""

import os
from contextlib import ExitStack
from pathlib import Path

import urllib3

from app.demo.processes import Child, free_port
from tests.benchmarks.ingest_rows import MODEL, SCHEMA

SERVER = "tests.benchmarks.overhead_server"


class Place:
    """Starts the processes of the benchmark and stops them all."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory, self.stack = directory, stack
        self.number = 0
        self.starting: list[tuple[Child, str]] = []

    def child(self, module: list[str], port: int, ready: str) -> Child:
        """Start a process, for which `wait` waits."""
        self.number += 1
        child = Child(module[-1], module, self.directory / f"{self.number}.log")
        self.stack.callback(child.stop)
        self.starting.append((child, f"http://127.0.0.1:{port}{ready}"))
        return child

    def wait(self) -> None:
        """Wait until all processes that were started answer."""
        while self.starting:
            child, url = self.starting.pop()
            child.wait_ready(url)

    def model(self, layers: int, watchglass: str = "") -> tuple[Child, int]:
        """Start a served model, watched in its own process where ``watchglass`` is given."""
        port = free_port()
        arguments = [SERVER, "model", f"--port={port}", f"--layers={layers}", f"--watchglass={watchglass}"]
        return self.child(arguments, port, "/v2/health/ready"), port

    def proxy(self, upstream: int, watchglass: str) -> tuple[Child, int]:
        """Start the proxy before a served model."""
        port = free_port()
        where = ["--upstream", f"http://127.0.0.1:{upstream}", "--listen-port", str(port)]
        arguments = ["app.cli", "proxy", *where, "--model", MODEL, "--url", watchglass]
        return self.child(arguments, port, "/v2/health/ready"), port

    def collector(self) -> str:
        """Start Watchglass itself, with the model registered."""
        port = free_port()
        config = self.directory / "watchglass.toml"
        config.write_text(f'data_dir = "{self.directory / "store"}"\n')
        child = self.child(["app.cli", "serve", "--port", str(port), "--config", str(config)], port, "/healthz")
        self.wait()
        lower(child)
        url = f"http://127.0.0.1:{port}"
        answer = urllib3.request("PUT", f"{url}/v1/models/{MODEL}", json={"schema": SCHEMA})
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {answer.data[:500]!r}")
        return url


def lower(child: Child) -> None:
    """Give a process a low priority, as ``nice -n 10`` does where it starts one."""
    for thread in Path(f"/proc/{child.pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), 10)
    group = Path(f"/proc/{child.pid}/autogroup")
    if group.exists():  # where Linux shares processors among sessions first, nice holds within one only
        group.write_text("10")


def cpu_waited() -> float:
    """Return for how many seconds, of all, some process of the machine waited for a processor; 0 if unsaid."""
    pressure = Path("/proc/pressure/cpu")
    return int(pressure.read_text().split("total=")[1].split()[0]) / 1e6 if pressure.exists() else 0.0


def rss_mb(child: Child) -> float:
    """Return a process's resident memory, in MB (10⁶ bytes)."""
    return int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * 4096 / 1e6
