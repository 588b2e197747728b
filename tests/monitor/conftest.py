"""A small real HTTP server on loopback that plays Watchglass in every mood."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Receiver:
    """Answers posts as told, and keeps what it took."""

    def __init__(self) -> None:
        self.status = 200
        self.retry_after = ""
        self.hang = threading.Event()  # set: do not answer until it is cleared by `release`
        self.release = threading.Event()
        self.bodies: list[tuple[str, dict[str, str], Any]] = []
        self.requests = 0
        self.came = threading.Condition()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if owner.hang.is_set():
                    owner.release.wait(300)
                status = owner.status
                with owner.came:
                    owner.requests += 1
                    if status == 200:
                        owner.bodies.append(
                            (self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body))
                        )
                    owner.came.notify_all()
                reply = b'{"received": 1, "rejected": 0}'
                try:
                    self.send_response(status)
                    if owner.retry_after:
                        self.send_header("retry-after", owner.retry_after)
                    self.send_header("content-length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)
                except OSError:
                    pass  # the client gave up waiting

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def rows(self, kind: str = "inferences") -> list[dict[str, Any]]:
        with self.came:
            return [row for path, _, body in self.bodies if path.endswith(kind) for row in body]

    def wait_requests(self, count: int, timeout: float = 60) -> bool:
        with self.came:
            return self.came.wait_for(lambda: self.requests >= count, timeout)

    def stop(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()
