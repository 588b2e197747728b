"""A model server that says what it is told to, on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class MetricsServer:
    """Answers any GET with ``body``; ``drip`` sends a byte at a time until it is told to stop."""

    def __init__(self) -> None:
        self.body, self.status, self.location, self.encoding = "", 200, "", ""
        self.drip = False
        self.asked: list[str] = []
        self.over = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                body = owner.body if isinstance(owner.body, bytes) else owner.body.encode()
                try:
                    self.send_response(owner.status)
                    if owner.location:
                        self.send_header("location", owner.location)
                    if owner.encoding:
                        self.send_header("content-encoding", owner.encoding)
                    self.end_headers()
                    self.wfile.write(body)
                    while owner.drip and not owner.over.wait(0.02):
                        self.wfile.write(b"#")
                except OSError:
                    pass  # it was not waited for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    found = MetricsServer()
    yield found
    found.close()
