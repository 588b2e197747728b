"""Read a request as the table of operations says: its names, parameters, media type and body."""

from contextlib import ExitStack

from starlette.requests import Request

from monitor.api.body import place_for, read_body
from monitor.api.intake import Intake
from monitor.api.operation import BodySpec, Call, Operation, Value
from monitor.api.problem import Detail, Problem
from monitor.schema import check_name

_NAMES = {"model", "version"}


async def read_call(
    operation: Operation, request: Request, max_body_bytes: int, intake: Intake, held: ExitStack
) -> Call:
    """Check everything the table says about a request, and read its body, which takes its place in ``held``.

    Raises:
        Overloaded: there is no room for the body.
        Problem: a parameter, the media type or the body is not what the operation takes.
        InvalidInput: a model's or version's name breaks the rules.
    """
    for name in operation.path_names:
        if name in _NAMES:
            check_name(name, request.path_params[name])
    values = _values(operation, request)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    refused = None
    if operation.body is not None:
        try:
            body = await _body(operation.body, request, media, max_body_bytes * operation.body.factor, intake, held)
        except Problem as problem:
            if not operation.body.forgiving:
                raise
            refused = problem
    return Call(
        path=request.path_params, values=values, headers=request.headers, media=media, body=body, refused=refused
    )


async def _body(spec: BodySpec, request: Request, media: str, limit: int, intake: Intake, held: ExitStack) -> bytes:
    if media not in spec.media and spec.media != ("*/*",) and (media or spec.required):
        raise Problem(415, f"Content-Type {media or 'missing'!r} is not read; allowed: {', '.join(spec.media)}.")
    place = held.enter_context(await place_for(request, limit, intake))
    try:
        return await read_body(request, limit, place)
    except Problem as problem:
        if problem.status == 400 and not spec.required and not media:
            return b""
        raise


def _values(operation: Operation, request: Request) -> dict[str, Value]:
    values: dict[str, Value] = {}
    wrong: list[Detail] = []
    asked = bool(request.scope["query_string"])
    headers = _by_name(request) if operation.parameters else {}
    for parameter in operation.parameters:
        if parameter.where == "header":
            given = headers.get(parameter.name, [])
        else:
            given = request.query_params.getlist(parameter.name) if asked else []
        try:
            values[parameter.name] = parameter.read(given)
        except ValueError as error:
            wrong.append(Detail(parameter.name, str(error)))
    known = [parameter.name for parameter in operation.parameters if parameter.where == "query"] if asked else []
    wrong += [
        Detail(name, f"is not a parameter here; allowed: {', '.join(known) or 'none'}")
        for name in (request.query_params if asked else ())
        if name not in known
    ]
    if wrong:
        raise Problem(422, "; ".join(f"{detail.where} {detail.detail}" for detail in wrong) + ".", wrong)
    return values


def _by_name(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.scope["headers"]:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return found
