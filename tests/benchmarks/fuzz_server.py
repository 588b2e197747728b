"""A real Watchglass in a process of its own, and one who asks it over HTTP in every way, right and wrong."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STARTS_WITHIN = 300.0
SCHEMA = {
    "task": "binary",
    "classes": ["on time", "late"],
    "features": [
        {"name": "temp", "kind": "numeric"},
        {"name": "carrier", "kind": "categorical"},
        {"name": "seats", "kind": "integer"},
    ],
}
"""Every model here takes this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``body`` is read as JSON where it is."""

    status: int
    body: Any

    def __getitem__(self, key: str) -> Any:
        return self.body[key]


class Server:
    """``watchglass serve`` without a dashboard; started on entering, stopped on leaving.

    Args:
        directory: where it keeps its data and its log.
        settings: environment variables without their prefix, such as ``BODY_TIMEOUT_S``.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self._data = directory / "data"
        self._log = directory / "server.log"
        self._settings = {f"WATCHGLASS_{name}": value for name, value in settings.items()}

    def __enter__(self) -> Self:
        self._data.mkdir(parents=True)
        command = [sys.executable, "-m", "app.cli", "serve", "--no-dashboard", "--port", "0"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(self._data)],
                env=os.environ | self._settings,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        address = self._data / "server.url"
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log()}")
            if address.exists() and (found := re.search(r":(\d+)$", address.read_text().strip())):
                self.port = int(found[1])
                if self.answers():
                    return self
            time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(60)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def log(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text(errors="replace")[-20_000:]

    def answers(self) -> bool:
        """Tell whether it is healthy."""
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 30
    ) -> Answer:
        """Send one request on a connection of its own; a body that is not bytes goes as JSON."""
        given = {"content-type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            return exchange(connection, method, path, content, given)
        finally:
            connection.close()

    def raw(self, request: bytes, timeout: float = 30) -> int:
        """Send bytes as they are, and return the status of the answer; the connection stays open for it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as opened:
            opened.sendall(request)
            return int(opened.makefile("rb").readline().split()[1])

    def register(self, model: str) -> None:
        """Register a model of `SCHEMA`."""
        answer = self.ask("PUT", f"/v1/models/{model}", {"schema": SCHEMA})
        if answer.status not in (200, 201):
            raise RuntimeError(f"{model} could not be registered: {answer.body}")

    def peak_mb(self, *, reset: bool = False) -> float:
        """Return the most memory the process had since the last reset, in MiB."""
        if reset:
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


def exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    """Send one request on a connection, which stays open where the server lets it."""
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    content = response.read()
    try:
        return Answer(response.status, json.loads(content))
    except ValueError:
        return Answer(response.status, content)
