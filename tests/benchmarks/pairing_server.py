"""The server that the pairing benchmarks send to, and what is answered to each request."""

import os
from pathlib import Path
from typing import Any

import urllib3

from app.demo.processes import Child, free_port


def answer_to(number: int) -> float:
    """Return what is answered to exchange ``number``: a number that no other exchange is answered."""
    return number * 0.5 + 0.25


class Server:
    """A server in a process of its own, that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._starts = directory, 0
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environment = {"WATCHGLASS_DATA_DIR": str(self._directory / "data"), "WATCHGLASS_SCHEDULER__ENABLED": "false"}
        command = ["app.cli", "serve", "--port", str(self.port), "--no-dashboard"]
        self._child = Child("watchglass", command, self._directory / f"server-{self._starts}.log", environment)
        self._child.wait_ready(f"{self.url}/healthz")
        self._starts += 1

    def kill(self) -> None:
        self._child._process.kill()
        self._child._process.wait()

    def stop(self) -> None:
        self._child.stop()

    @property
    def cpu_seconds(self) -> float:
        """How much processor time the running process has used."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, method: str, path: str, **given: Any) -> Any:
        answer = urllib3.request(method, self.url + path, timeout=60, retries=False, **given)
        assert answer.status < 300, answer.data
        return answer.json()
