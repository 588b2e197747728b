"""Turn the table of operations into a Starlette application; every error leaves as problem JSON."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from typing import cast
from urllib.parse import unquote

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from monitor.api.asked import read_call
from monitor.api.intake import Intake
from monitor.api.openapi import document
from monitor.api.operation import JSON, Operation, Quick, Reply
from monitor.api.problem import Problem, from_error, problem_response
from monitor.errors import WatchglassError
from monitor.schema import check_name

OPENAPI_PATH = "/v1/openapi.json"
SLOW_THREADS = 4
"""How many explanations, scheduler runs and large reads may be under way at once, beside capture."""

_LOG = logging.getLogger("watchglass.api")
_encoder = msgspec.json.Encoder()

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def build(
    operations: Sequence[Operation], *, max_body_bytes: int, intake: Intake, lifespan: Lifespan | None = None
) -> Starlette:
    """Return the application that serves ``operations`` and their OpenAPI document.

    Args:
        operations: the table; operations on one path become one route per method.
        max_body_bytes: the most bytes of a body that are read, before and after inflating.
        intake: bounds the bodies of all requests together.
        lifespan: what runs around the application's life.
    """
    slow = ThreadPoolExecutor(SLOW_THREADS, thread_name_prefix="watchglass-slow")
    openapi = msgspec.json.encode(document(operations))

    async def serve_openapi(_request: Request) -> Response:
        return Response(openapi, media_type=JSON)

    routes = [
        Route(
            _pattern(operation.path),
            _endpoint(operation, max_body_bytes, intake, slow),
            methods=[operation.method],
            name=operation.name,
        )
        for operation in sorted(operations, key=lambda operation: -len(operation.path))
    ]
    app = _Api(
        routes=[*routes, Route(OPENAPI_PATH, serve_openapi, name="openapi")],
        exception_handlers={HTTPException: _routing_problem, 500: _crash},
        lifespan=_closing(slow, lifespan),
    )
    app.router.redirect_slashes = False  # a path that is not in the table does not exist
    app.direct = {
        (operation.method, operation.path.rpartition("/")[2]): _endpoint(operation, max_body_bytes, intake, slow)
        for operation in operations
        if operation.direct
    }
    app.quick = {
        (operation.method, operation.path.rpartition("/")[2]): operation.quick
        for operation in operations
        if operation.quick is not None
    }
    return app


class _Api(Starlette):
    """The application; ``direct`` operations, of paths /v1/models/{model}/…, skip the search and the middleware."""

    direct: Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]]
    quick: Mapping[tuple[str, str], Quick]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's life."""
        parts: Sequence[str] = scope["path"].split("/") if scope["type"] == "http" else ()
        operation = (scope["method"], parts[4]) if len(parts) == 5 else ("", "")
        endpoint = self.direct.get(operation)
        if endpoint is None or parts[1] != "v1" or parts[2] != "models":
            await super().__call__(scope, receive, send)
            return
        scope["path_params"] = {"model": parts[3]}
        quick = self.quick.get(operation)
        if quick is not None:
            left = await quick(scope, receive, send)
            if left is None:
                return
            receive = left
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:  # noqa: BLE001 - what the middleware does for the other routes
            response = await _crash(request, error)
        await response(scope, receive, send)


def _closing(slow: ThreadPoolExecutor, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            if inner is None:
                yield
            else:
                async with inner(app):
                    yield
        finally:
            slow.shutdown(wait=False, cancel_futures=True)

    return lifespan


def _pattern(path: str) -> str:
    """Let ids and file names hold slashes; longer paths are matched first.

    >>> _pattern("/v1/models/{model}/inferences/{id}")
    '/v1/models/{model}/inferences/{id:path}'
    """
    return path.replace("/inferences/{id}", "/inferences/{id:path}").replace("{file}", "{file:path}")


def _endpoint(
    operation: Operation, max_body_bytes: int, intake: Intake, slow: ThreadPoolExecutor
) -> Callable[[Request], Awaitable[Response]]:
    is_async = inspect.iscoroutinefunction(operation.handler)

    async def endpoint(request: Request) -> Response:
        try:
            with ExitStack() as held:  # the body counts as in flight until the answer is there
                call = await read_call(operation, request, max_body_bytes, intake, held)
                if is_async:
                    reply = await cast("Awaitable[Reply]", operation.handler(call))
                else:
                    pool = slow if operation.slow else None
                    loop = asyncio.get_running_loop()
                    reply = cast("Reply", await loop.run_in_executor(pool, operation.handler, call))
        except Problem as problem:
            return problem_response(problem)
        except WatchglassError as error:
            return problem_response(from_error(error))
        body = reply.body if isinstance(reply.body, bytes) else _encoder.encode(reply.body)
        return Response(body, reply.status, dict(reply.headers), reply.media)

    return endpoint


async def _routing_problem(request: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    misnamed = _misnamed(request)
    if misnamed is not None:
        return problem_response(Problem(422, misnamed))
    what = f"{request.method} {request.url.path}"
    return problem_response(Problem(status, f"There is no {what}; {OPENAPI_PATH} lists what there is."))


def _misnamed(request: Request) -> str | None:
    """Tell what is wrong with a model's name in a path that is none of ours, such as one with slashes in the name."""
    raw: bytes = request.scope.get("raw_path") or b""
    parts = raw.partition(b"?")[0].split(b"/")
    if parts[1:3] != [b"v1", b"models"] or len(parts) < 4:
        return None
    try:
        check_name("model", unquote(parts[3].decode("latin-1")))
    except WatchglassError as error:
        return str(error)
    return None


async def _crash(request: Request, error: Exception) -> Response:
    _LOG.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem_response(Problem(500, "The server failed on this request; its log has the cause."))
