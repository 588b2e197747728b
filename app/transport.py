"""What carries a request to the application: HTTP to a server that runs, or a call within this process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from monitor.config import Config
from monitor.errors import Unavailable

PROBE_SECONDS = 1.0
TIMEOUT_SECONDS = 600.0  # a report or a long catch-up of the scheduler takes minutes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status and its body."""

    status: int
    body: bytes


class Transport(Protocol):
    """Anything that carries one request to the application and its answer back."""

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request; ``target`` is path and query."""
        ...

    def close(self) -> None:
        """Release what the transport holds."""
        ...


class HttpTransport:
    """A server over HTTP."""

    def __init__(self, url: str) -> None:
        import urllib3

        self._url = url.rstrip("/")
        timeout = urllib3.Timeout(connect=PROBE_SECONDS, read=TIMEOUT_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request.

        Raises:
            Unavailable: no connection, or it broke.
        """
        import urllib3

        sent = {name: value for name, value in headers.items() if name != "host"}
        try:
            response = self._pool.request(method, self._url + target, headers=sent, body=body or None)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"No server answers at {self._url} ({error}).") from None
        return Answer(response.status, response.data)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


class LocalTransport:
    """The application in this process, called without a socket."""

    def __init__(self, config: Config) -> None:
        from app.runtime import Runtime
        from app.server import create_api

        self._runtime = Runtime.open(config, scheduling=False)
        self._app = create_api(self._runtime)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Call the application once."""
        return asyncio.run(self._call(method, target, headers, body))

    async def _call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        from urllib.parse import unquote

        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        status = 500
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return pending.pop() if pending else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        try:
            await self._app(scope, receive, send)
        except Exception:
            if status < 500:  # after its own log line and a 500 the application raises once more, for servers
                raise
        return Answer(status, b"".join(parts))

    def close(self) -> None:
        """Commit what waits and close the store."""
        self._runtime.close()
