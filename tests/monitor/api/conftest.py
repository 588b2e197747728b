"""A whole server without a socket, and a caller that holds every answer against the OpenAPI document."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from starlette.types import ASGIApp

from app.runtime import Runtime
from app.server import create_app
from monitor.config import Config

NOW = datetime(2013, 6, 10, tzinfo=UTC)


class Api:
    """Calls the application; an answer that its document does not describe fails the test."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.document: dict[str, Any] = self._send("GET", "/v1/openapi.json").json()
        self.seen: set[tuple[str, str, str]] = set()
        templates = sorted(self.document["paths"], key=len, reverse=True)
        self._paths = [
            (re.compile(re.sub(r"{(id|file)}", ".+", t).replace("{", "(?P<").replace("}", ">[^/]+)")), t)
            for t in templates
        ]

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
                return await client.request(method, path, **given)

        return asyncio.run(send())

    def __call__(self, method: str, path: str, **given: Any) -> httpx.Response:
        answer = self._send(method, path, **given)
        matching = (t for pattern, t in self._paths if pattern.fullmatch(answer.request.url.path))
        template = next((t for t in matching if method.lower() in self.document["paths"][t]), None)
        operation = self.document["paths"].get(template, {}).get(method.lower())
        if operation is not None:
            status = str(answer.status_code)
            assert status in operation["responses"], (
                f"{method} {template} answers an undocumented {status}: {answer.text}"
            )
            self._holds(answer, operation["responses"][status]["content"])
            self.seen.add((method, str(template), status))
        return answer

    def _holds(self, answer: httpx.Response, content: dict[str, Any]) -> None:
        media = answer.headers["content-type"]
        assert media in content, f"{media} is not documented"
        if "json" in media:
            schema = content[media]["schema"] | {"components": self.document["components"]}
            jsonschema.Draft202012Validator(schema).validate(answer.json())


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = Runtime.open(Config(data_dir=tmp_path / "data", clock="manual", max_body_bytes=100_000))
    opened.clock.advance(NOW)  # type: ignore[attr-defined] # the configuration asks for a manual clock
    yield opened
    opened.close()


@pytest.fixture
def api(runtime: Runtime) -> Api:
    return Api(create_app(runtime, dashboard=False))


SCHEMA = {
    "task": "binary",
    "classes": ["on time", "late"],
    "features": [{"name": "temp", "kind": "numeric", "unit": "°C"}, {"name": "carrier", "kind": "categorical"}],
}


@pytest.fixture
def flights(api: Api) -> Api:
    """An API that knows one model, ``flights``."""
    assert api("PUT", "/v1/models/flights", json={"schema": SCHEMA, "owner": "ops@example.com"}).status_code == 201
    return api


def row(name: str, **given: Any) -> dict[str, Any]:
    return {
        "id": name,
        "time": "2013-06-09T12:00:00Z",
        "features": {"temp": 20.5, "carrier": "AA"},
        "scores": [0.25],
    } | given
