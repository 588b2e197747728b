"""kill -9 of a real server in the middle of a replay: nothing acknowledged is lost, nothing is doubled."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest
import urllib3

from app.demo.processes import Child, free_port

SENDERS, REQUESTS = 4, 160
KILLS = (0.2, 0.45, 0.7)  # after these shares of all requests were acknowledged
DEADLINE = 60.0


class Server:
    """A server process on one port and one data directory, that can be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.starts = 0
        self.start()

    def start(self) -> None:
        environment = {"WATCHGLASS_DATA_DIR": str(self._directory / "data"), "WATCHGLASS_CLOCK": "manual"}
        command = ["app.cli", "serve", "--port", str(self._port), "--no-dashboard"]
        self._child = Child("watchglass", command, self._directory / f"server-{self.starts}.log", environment)
        self._child.wait_ready(f"{self.url}/healthz")
        self.starts += 1

    def kill(self) -> None:
        os.kill(self._child._process.pid, signal.SIGKILL)
        self._child._process.wait()

    def stop(self) -> None:
        self._child.stop()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = urllib3.request(method, self.url + path, json=body, timeout=30, retries=False)
        assert answer.status < 300, answer.data
        return answer.json()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path)
    yield started
    started.stop()


class Sender(Thread):
    """Sends its requests in order, each again and again until it is acknowledged, and keeps a journal of its own."""

    def __init__(self, url: str, name: str, progress: "Progress") -> None:
        super().__init__(daemon=True)
        self._url, self._prefix, self._progress = url, name, progress
        self.rows = self.labels = self.attempted = self.acknowledged = self.duplicate = 0

    def run(self) -> None:
        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=1, read=10))
        for request in range(REQUESTS):
            names = [f"{self._prefix}-{request}:{place}" for place in range(1 + request % 30)]
            rows = [
                {
                    "id": name,
                    "time": f"2013-06-0{1 + request % 9}T10:00:00Z",
                    "features": {"x": float(place)},
                    "scores": [0.5],
                }
                for place, name in enumerate(names)
            ]
            self._until_acknowledged(pool, "inferences", rows)
            self.rows += len(rows)
            if request % 4 == 0:
                self._until_acknowledged(pool, "labels", [{"id": name, "value": 1} for name in names])
                self.labels += len(names)
            self._progress.one_more()

    def _until_acknowledged(self, pool: urllib3.PoolManager, what: str, rows: list[dict[str, Any]]) -> None:
        body = json.dumps(rows)
        while not self._progress.over.is_set():
            self.attempted += len(rows)
            try:
                headers = {"content-type": "application/json"}
                answer = pool.request("POST", f"{self._url}/v1/models/m/{what}", body=body, headers=headers)
            except urllib3.exceptions.HTTPError:
                self._progress.over.wait(0.02)
                continue
            if answer.status == 200:
                receipt = answer.json()
                assert receipt["stored"] + receipt["duplicate"] == len(rows) == receipt["received"]
                self.acknowledged += len(rows)
                self.duplicate += receipt["duplicate"]
                return


class Progress:
    """How many requests were acknowledged by all senders."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.done = 0
        self.over = Event()

    def one_more(self) -> None:
        with self._lock:
            self.done += 1

    def wait_for(self, share: float) -> None:
        deadline = time.monotonic() + DEADLINE
        while self.done < share * SENDERS * REQUESTS:
            assert time.monotonic() < deadline, f"{self.done} requests acknowledged in {DEADLINE:g} s"
            self.over.wait(0.002)


def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(server: Server) -> None:
    server.ask("PUT", "/v1/clock", {"now": "2013-06-10T00:00:00Z"})
    schema = {"task": "binary", "features": [{"name": "x", "kind": "numeric"}]}
    server.ask("PUT", "/v1/models/m", {"schema": schema})
    progress = Progress()
    senders = [Sender(server.url, f"s{place}", progress) for place in range(SENDERS)]
    try:
        for sender in senders:
            sender.start()
        for share in KILLS:
            progress.wait_for(share)
            server.kill()
            server.start()
            assert server.ask("GET", "/healthz")["now"] == "2013-06-10T00:00:00Z", "the manual clock goes on"
        for sender in senders:
            sender.join(DEADLINE)
            assert not sender.is_alive()
    finally:
        progress.over.set()

    rows, labels = sum(sender.rows for sender in senders), sum(sender.labels for sender in senders)
    assert server.ask("GET", "/v1/models/m/inferences?limit=1")["total"] == rows
    assert server.ask("GET", "/v1/models/m/inferences?limit=1&labelled=true")["total"] == labels
    lines = server.ask("GET", "/v1/ledger")["lines"]
    fates = {(line["source"], line["outcome"]): line["rows"] for line in lines}
    assert fates["http", "stored"] == rows
    assert fates["labels", "stored"] == labels
    assert {outcome for _, outcome in fates} <= {"stored", "duplicate"}
    counted = sum(fates.values())
    assert sum(sender.acknowledged for sender in senders) == rows + labels
    assert rows + labels <= counted <= sum(sender.attempted for sender in senders)
    assert counted - rows - labels >= sum(sender.duplicate for sender in senders)
    verified = server.ask("GET", "/v1/verify")
    assert verified["ok"], verified
    ids = {
        f"s{place}-{request}:{row}"
        for place in range(SENDERS)
        for request in range(REQUESTS)
        for row in range(1 + request % 30)
    }
    found: list[str] = []
    while len(found) < rows:
        page = server.ask("GET", f"/v1/models/m/inferences?limit=10000&offset={len(found)}")["inferences"]
        found += [row["id"] for row in page]
    assert len(found) == rows
    assert set(found) == ids
