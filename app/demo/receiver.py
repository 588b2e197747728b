"""The owner's end of the webhook channel: a small HTTP server inside the demo that keeps what it is sent."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Receiver:
    """Listens on a free port of loopback; ``messages`` are the JSON bodies that arrived, each once.

    A webhook may be sent again after a lost answer; the ``Idempotency-Key`` header tells a repeat from a new message.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook-receiver", daemon=True)

    @property
    def url(self) -> str:
        """The address to register as the channel's target."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/owner"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _keep(self, key: str | None, message: dict[str, Any]) -> None:
        with self._lock:
            if key is None or key not in self._keys:
                self.messages.append(message)
            if key is not None:
                self._keys.add(key)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                keep(self.headers.get("Idempotency-Key"), json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Keep quiet: the demo prints what matters."""

        return Handler
