"""How the command line reaches the server: over HTTP where one runs, else the same application in this process.

Both ways speak the same requests, so that a command does the same whichever way it goes.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode

from monitor.config import Config
from monitor.errors import Unavailable, WatchglassError

ADDRESS = "server.url"
"""The file in the data directory in which a server writes where it listens."""
HERE = "this process"
"""Where a link leads that needs no server."""

PROBE_SECONDS = 1.0
TIMEOUT_SECONDS = 600.0  # a report or a long catch-up of the scheduler takes minutes


class Refused(WatchglassError):
    """The server answered with a problem."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


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


class Link(AbstractContextManager["Link"]):
    """A server to ask, wherever it lives. ``where`` says so to people."""

    def __init__(self, transport: Transport, where: str) -> None:
        self._transport = transport
        self.where = where

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the transport; in this process that commits and closes the store."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        json_body: object = None,
        body: bytes = b"",
        media: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request and return the JSON it answers.

        Args:
            method: the HTTP method.
            path: the path, such as ``/v1/run``.
            query: parameters; those that are None are left out.
            json_body: an object to send as JSON, instead of ``body``.
            body: bytes to send as ``media``.
            media: the media type of ``body``.
            headers: further headers.

        Raises:
            Refused: the server answered 4xx.
            Unavailable: it answered 5xx, 429 (too much at once) or not at all.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(given, doseq=True)}" if given else path
        sent = {**(headers or {}), "host": "localhost"}
        if json_body is not None:
            body = json.dumps(json_body).encode()
        if body:
            sent["content-type"] = media
        answer = self._transport.send(method, target, sent, body)
        read = json.loads(answer.body) if answer.body else None
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(_detail(read, answer.status))
        if answer.status >= 400:
            raise Refused(answer.status, _detail(read, answer.status))
        return read


def _detail(read: Any, status: int) -> str:
    return str(read["detail"]) if isinstance(read, dict) and "detail" in read else f"the server answered {status}"


def connect(config: Config) -> Link:
    """Reach the server, or open the same application here.

    A server is looked for at ``WATCHGLASS_URL`` (then it must be there), at the address that one serving this
    configuration's data has written down, and at the configured address.

    Raises:
        Unavailable: no server answers at ``WATCHGLASS_URL``, or another process holds the store.
    """
    named = os.environ.get("WATCHGLASS_URL")
    if named:
        if not answers(named):
            raise Unavailable(f"No server answers at {named} (WATCHGLASS_URL).")
        return Link(HttpTransport(named), named)
    written = config.data_dir / ADDRESS
    for url in [written.read_text().strip() if written.exists() else "", config.base_url]:
        if url and answers(url):
            return Link(HttpTransport(url), url)
    return Link(LocalTransport(config), HERE)


def folder_of(link: Link, config: Config) -> Path | None:
    """Return the folder of the data behind ``link``; None where that is a server of other data than this.

    Args:
        link: as `connect` made it of the same configuration.
        config: whose ``data_dir`` may be that folder.
    """
    if link.where == HERE:
        return config.data_dir
    written = config.data_dir / ADDRESS
    try:
        return config.data_dir if written.read_text().strip() == link.where.rstrip("/") else None
    except OSError:
        return None


def answers(url: str) -> bool:
    """Tell whether a Watchglass answers at ``url``."""
    transport = HttpTransport(url)
    try:
        answer = transport.send("GET", "/healthz", {}, b"")
        return answer.status == 200 and b'"status"' in answer.body
    except Unavailable:
        return False
    finally:
        transport.close()


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
