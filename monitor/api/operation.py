"""An operation of the HTTP interface as data: what the routes and the OpenAPI document are both made of."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeVar, cast

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from monitor.api.decode import decode_json
from monitor.api.problem import Detail, Problem

T = TypeVar("T")

JSON = "application/json"
NDJSONS = ("application/x-ndjson", "application/ndjson", "application/jsonl")
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"

Value = str | int | float | bool | datetime | list[str] | None
"""What a parameter reads as."""


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


_CONVERTERS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": lambda text: {"true": True, "1": True, "false": False, "0": False}[text.lower()],
    "date-time": _time,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter or header: its name, its type, and the bounds it is held to."""

    name: str
    description: str
    type: Literal["string", "integer", "number", "boolean", "date-time"] = "string"
    where: Literal["query", "header"] = "query"
    required: bool = False
    default: str | int | float | bool | None = None
    choices: tuple[str, ...] = ()
    repeated: bool = False
    minimum: int | None = None
    maximum: int | None = None

    def read(self, given: list[str]) -> Value:
        """Turn the strings given into the parameter's type.

        >>> Parameter(name="limit", description="", type="integer", maximum=10).read(["7"])
        7

        Raises:
            ValueError: the string is not of the type, or out of bounds; the message says what is allowed.
        """
        if not given:
            if self.required:
                raise ValueError("is required")
            return [] if self.repeated else self.default
        if self.repeated:
            return given
        try:
            value = _CONVERTERS[self.type](given[-1])
        except (ValueError, KeyError, OverflowError):
            raise ValueError(f"is {given[-1][:80]!r}; allowed: {self._allowed()}") from None
        if self.choices and value not in self.choices:
            raise ValueError(f"is {given[-1][:80]!r}; allowed: {self._allowed()}")
        if isinstance(value, int | float) and not (
            (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
        ):
            raise ValueError(f"is {value}; allowed: {self._allowed()}")
        return value

    def _allowed(self) -> str:
        if self.choices:
            return ", ".join(self.choices)
        if self.minimum is not None or self.maximum is not None:
            return f"{self.type} from {self.minimum} to {self.maximum}"
        return "an ISO 8601 date or time" if self.type == "date-time" else f"a {self.type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySpec:
    """A request body: the media types read, its shape where it is JSON, and whether it may be left out.

    ``factor`` times the configured byte limit is read: files of reference rows are larger than requests. Media of
    ``*/*`` are any at all, also none. Where it is ``forgiving``, what is wrong with a body (empty, broken, too large)
    is for the handler to tell: it finds the problem in `Call.refused`.
    """

    media: tuple[str, ...] = (JSON,)
    type: object = None
    required: bool = True
    factor: int = 1
    forgiving: bool = False


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, checked against its operation's parameters; ``body`` is read, bounded and inflated.

    ``refused`` is why it is not, where the operation wants to know; see `BodySpec`.
    """

    path: Mapping[str, str]
    values: Mapping[str, Value]
    headers: Headers
    media: str
    body: bytes = b""
    refused: Problem | None = None

    def text(self, name: str) -> str | None:
        """Return a string parameter, or None where it is not given."""
        return cast("str | None", self.values[name])

    def strings(self, name: str) -> list[str]:
        """Return a repeated parameter."""
        return cast("list[str]", self.values[name])

    def number(self, name: str) -> int:
        """Return an integer parameter that has a default."""
        return cast("int", self.values[name])

    def time(self, name: str) -> datetime | None:
        """Return a time parameter, aware and in UTC."""
        return cast("datetime | None", self.values[name])

    def json(self, shape: type[T]) -> T:
        """Read the body as JSON of ``shape``; an empty body reads as an empty object.

        Raises:
            Problem: 400 not JSON; 422 JSON of another shape, naming the key.
        """
        given = decode_json(self.body) if self.body else {}
        try:
            return msgspec.convert(given, shape)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            place = where.rstrip("`").lstrip(".") or "body"
            raise Problem(422, f"The body does not fit: {what}.", [Detail(place, what)]) from None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: an object to be written as JSON, or bytes of another media type."""

    body: object
    status: int = 200
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply | Awaitable[Reply]]

Quick = Callable[[Scope, Receive, Send], Awaitable[Receive | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table: everything the routes do and the document says about one method on one path.

    ``replies`` maps each success status to the shape of its body (None: not JSON, of ``media``). ``errors`` are the
    problem statuses a caller can meet. ``slow`` handlers run in a pool of their own, away from capture.
    ``direct`` ones are found before all other routes: capture comes first. ``quick`` answers some requests before the
    handler is asked; it returns how the body is to be received, or None where it has answered.
    """

    method: Literal["GET", "PUT", "POST", "DELETE"]
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    replies: Mapping[int, object]
    errors: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: BodySpec | None = None
    media: tuple[str, ...] = (JSON,)
    slow: bool = False
    direct: bool = False
    quick: Quick | None = None

    @property
    def path_names(self) -> list[str]:
        """The names of the path's parameters, in order."""
        return re.findall(r"{(\w+)}", self.path)
