"""One ASGI application on one port: the API first, and for every other path the dashboard."""

import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import explain.api
from app.runtime import Runtime, set_runtime
from app.shell import rooted
from monitor.api import (
    alerts,
    capture,
    collect,
    dead_letters,
    detection,
    halves,
    health,
    jobs,
    kept,
    models,
    queries,
    reference,
    reports,
    routes,
)
from monitor.api.guard import guard
from monitor.api.operation import Operation
from monitor.api.services import Services

SCRIPT = Path(__file__).parent / "main.py"

_API = {"/healthz", "/metrics"}
_NO_DASHBOARD = (
    "Watchglass is running; its API is under /v1 (see /v1/openapi.json). There is no dashboard here: it was switched "
    "off, or is not installed (pip install 'watchglass[dashboard]').\n"
)

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def table(runtime: Runtime, services: Services) -> list[Operation]:
    """Return every operation of the HTTP interface."""
    parts = (
        capture,
        collect,
        halves,
        dead_letters,
        models,
        reference,
        queries,
        kept,
        alerts,
        detection,
        reports,
        jobs,
        health,
    )
    monitoring = [operation for part in parts for operation in part.operations(services)]
    return monitoring + explain.api.operations(runtime.store, runtime.explain)


def create_api(runtime: Runtime, lifespan: Lifespan | None = None) -> Starlette:
    """Return the API alone."""
    services = runtime.services
    return routes.build(
        table(runtime, services),
        max_body_bytes=runtime.config.max_body_bytes,
        intake=services.intake,
        lifespan=lifespan,
    )


def create_app(runtime: Runtime, *, dashboard: bool = True) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the whole application, for loopback only.

    Our own paths are dispatched before the dashboard's middleware, which would more than halve capture's rate.

    Args:
        runtime: the opened parts; pages find them by ``app.runtime.runtime()``.
        dashboard: whether to serve the dashboard where it is installed.
    """
    set_runtime(runtime)
    pages, lifespan = _dashboard() if dashboard and dashboard_installed() else (_nothing, None)
    served = create_api(runtime, lifespan)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await (served if _ours(scope) else pages)(scope, receive, send)

    return guard(dispatch, runtime.config.base_url)


def dashboard_installed() -> bool:
    """Tell whether the dashboard's packages are there, and load them if so.

    Call it before threads are started: plotly looks at a pandas that another thread may be half way through importing.
    """
    if importlib.util.find_spec("streamlit") is None:
        return False
    importlib.import_module("streamlit")
    return True


def _ours(scope: Scope) -> bool:
    if scope["type"] != "http":
        return bool(scope["type"] == "lifespan")
    return scope["path"].startswith("/v1/") or scope["path"] in _API


def _dashboard() -> tuple[ASGIApp, Lifespan]:
    import streamlit

    pages = streamlit.App(SCRIPT)
    return rooted(pages), pages.lifespan()


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse(_NO_DASHBOARD)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1000})
