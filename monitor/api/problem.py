"""Errors over HTTP, as RFC 9457 (``application/problem+json``) wants them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from monitor.errors import Conflict, DiskFull, InvalidInput, NotFound, Overloaded, Unavailable, WatchglassError
from monitor.schema.notes import text

MEDIA = "application/problem+json"
RETRY_AFTER_S = 1

_SLUGS = {
    400: "malformed",
    403: "refused-origin",
    404: "not-found",
    405: "method-not-allowed",
    408: "body-too-slow",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    421: "refused-host",
    422: "invalid-input",
    429: "overloaded",
    500: "internal",
    503: "unavailable",
    507: "disk-full",
}
_STATUS: Mapping[type[WatchglassError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    Overloaded: 429,  # the special cases of Unavailable before itself
    DiskFull: 507,
    Unavailable: 503,
}
_LATER = frozenset({429, 503, 507})


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is wrong: where (a parameter, a key path, a row) and what."""

    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class ProblemBody:
    """What an error answers: a stable ``type``, the status, and in ``detail`` what was got and what is allowed."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Detail]


class Problem(Exception):
    """An error that already knows its HTTP status; for what only HTTP can get wrong (framing, media, size)."""

    def __init__(self, status: int, detail: str, errors: Sequence[Detail] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)


def from_error(error: WatchglassError) -> Problem:
    """Give one of our errors its HTTP status.

    >>> from_error(NotFound("No model 'x'.")).status
    404
    """
    status = next((code for cls, code in _STATUS.items() if isinstance(error, cls)), 500)
    return Problem(status, str(error))


def problem_response(problem: Problem) -> Response:
    """Write a problem as a response.

    >>> problem_response(Problem(413, "The body has 11 bytes; at most 10 are read.")).status_code
    413
    """
    # What was sent may be quoted: lone surrogates cannot be written.
    errors = [Detail(text(error.where), text(error.detail)) for error in problem.errors]
    body = ProblemBody(
        type=f"urn:watchglass:problem:{_SLUGS.get(problem.status, 'error')}",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=text(problem.detail),
        errors=errors,
    )
    headers = {"retry-after": str(RETRY_AFTER_S)} if problem.status in _LATER else None
    return Response(msgspec.json.encode(body), problem.status, headers, MEDIA)
