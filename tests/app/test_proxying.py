"""The proxy as a process: it captures, says what it did when it is stopped, and refuses what would be unsafe."""

import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import cast

import pytest

from app import cli
from app.demo.processes import Child, free_port
from app.proxying import tell_of_losses
from monitor.client import Client

ANSWER = b'{"predictions": [0.25]}'


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that plays both the model and Watchglass, and what it was sent as Watchglass."""
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(b"ready")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path.endswith("/inferences"):
                taken.append(body)
            self.answer(b'{"rejected": 0}' if self.path.endswith("/inferences") else ANSWER)

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening.server_address[1], taken
        listening.shutdown()
        thread.join()


def test_what_passes_is_captured_and_all_of_it_is_sent_when_the_proxy_is_stopped(
    server: tuple[int, list[bytes]], tmp_path: Path
) -> None:
    """SIGTERM: what waits is sent, and the log tells the counts."""
    port, taken = server
    mine = free_port()
    told = [f"--upstream=http://127.0.0.1:{port}", f"--url=http://127.0.0.1:{port}", f"--listen-port={mine}"]
    child = Child("proxy", ["app.cli", "proxy", *told, "--model=iris"], tmp_path / "log")
    try:
        child.wait_ready(f"http://127.0.0.1:{mine}/ready")
        connection = http.client.HTTPConnection("127.0.0.1", mine, timeout=60)
        for place in range(20):
            connection.request("POST", "/v1/models/any:predict", json.dumps({"instances": [{"x": place}]}))
            assert connection.getresponse().read() == ANSWER
        connection.close()
    finally:
        child.stop()
    rows = [row for body in taken for row in json.loads(body)]
    assert [row["features"] for row in rows] == [{"x": place} for place in range(20)]
    assert "Stopped; 20 sent, 0 rejected" in child.tail()


def test_losses_are_told_once_and_again_when_they_change(caplog: pytest.LogCaptureFixture) -> None:
    """Rows of a client that lost some, then is refused, then is heard again."""
    states = iter(
        [
            {"dropped": {}, "retries": 0, "last_error": ""},
            {"dropped": {"rejected_by_server": 3}, "retries": 0, "last_error": "404: no model"},
            {"dropped": {"rejected_by_server": 3}, "retries": 0, "last_error": "404: no model"},
            {"dropped": {"rejected_by_server": 3}, "retries": 2, "last_error": "refused"},
            {"dropped": {"rejected_by_server": 3}, "retries": 2, "last_error": "refused"},
        ]
    )
    turns = iter([False] * 5 + [True])
    client = SimpleNamespace(stats=lambda: next(states))
    tell_of_losses(cast("Client", client), cast("Event", SimpleNamespace(wait=lambda _: next(turns))))
    assert [line.partition(";")[0] for line in caplog.messages] == [
        "Watchglass is reached",
        "Watchglass cannot be reached, and rows wait",
        "Watchglass is reached",
    ]
    assert "3 rejected_by_server. Last: 404: no model" in caplog.messages[0]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--host", "0.0.0.0"], cli.USAGE, "no access control"),
        (["--host", "example.com"], cli.USAGE, "loopback"),
        (["--upstream", "https://model:1"], cli.FAILED, "http://host:port is allowed"),
        (
            ["--listen-port", "0", "--upstream", "http://127.0.0.1:{free}", "--listen-port", "{free}"],
            cli.FAILED,
            "itself",
        ),
        (["--url", "127.0.0.1:8080"], cli.FAILED, "--url is '127.0.0.1:8080'"),
        (["--listen-port", "{taken}"], cli.UNAVAILABLE, "Cannot listen"),
    ],
    ids=["everywhere", "elsewhere", "tls", "itself", "url", "taken"],
)
def test_what_would_be_unsafe_or_cannot_be_is_refused(
    more: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything listens, with one line that says why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"taken": taken.getsockname()[1], "free": free_port()}
        arguments = [each.format(**ports) for each in more]
        monkeypatch.setattr(
            sys, "argv", ["watchglass", "proxy", "--upstream", "http://127.0.0.1:1", "--model", "iris", *arguments]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == code
    assert said in capsys.readouterr().err
