"""How the command line reaches the server: over HTTP where one runs, else the same application in this process.

Both ways speak the same requests, so that a command does the same whichever way it goes.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from app.transport import HttpTransport, LocalTransport, Transport
from monitor.config import Config
from monitor.errors import Held, Unavailable, WatchglassError

ADDRESS = "server.url"
"""The file in the data directory in which a server writes where it listens."""
PATIENCE = 10.0
"""How long to wait for a store that a command holds, or a server that is starting, in seconds."""
HERE = "this process"
"""Where a link leads that needs no server."""


class Refused(WatchglassError):
    """The server answered with a problem."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


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
    configuration's data has written down, and at the configured address. One that is just starting is waited for.

    Raises:
        Unavailable: no server answers at ``WATCHGLASS_URL``, or another process holds the store.
    """
    named = os.environ.get("WATCHGLASS_URL")
    if named:
        if not answers(named):
            raise Unavailable(f"No server answers at {named} (WATCHGLASS_URL).")
        return Link(HttpTransport(named), named)
    until = time.monotonic() + PATIENCE
    while True:
        for url in (written(config), config.base_url):
            if url and answers(url):
                return Link(HttpTransport(url), url)
        try:
            return Link(LocalTransport(config), HERE)
        except Held:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def written(config: Config) -> str:
    """Return the address that a server of this configuration's data has written down; empty if there is none."""
    try:
        return (config.data_dir / ADDRESS).read_text().strip()
    except OSError:
        return ""


def folder_of(link: Link, config: Config) -> Path | None:
    """Return the folder of the data behind ``link``; None where that is a server of other data than this.

    Args:
        link: as `connect` made it of the same configuration.
        config: whose ``data_dir`` may be that folder.
    """
    if link.where == HERE:
        return config.data_dir
    return config.data_dir if written(config) == link.where.rstrip("/") else None


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
