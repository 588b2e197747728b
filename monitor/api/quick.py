"""The shortest way from one row as JSON to its answer; whatever is out of the ordinary goes the general way.

Nothing here refuses anything: a request is taken only where the general way would take it with the same result, and
what is not certain of that is handed on untouched.
"""

import time
from typing import Any, cast

import msgspec
from starlette.types import Message, Receive, Scope, Send

from monitor.api.intake import Place
from monitor.api.problem import from_error, problem_response
from monitor.api.rows import MAX_ID, BadRow, inference
from monitor.api.services import Services
from monitor.api.waking import Waker
from monitor.errors import WatchglassError
from monitor.ingest import Receipt
from monitor.types import Inference, Model

SMALL = 1 << 14
"""Bodies below this size are looked at, in bytes."""

_KEYS = frozenset(Inference.__dataclass_fields__)
_MOST_BRACKETS = 64
_JSON = (b"application/json", b"application/json; charset=utf-8")
_GENERAL = frozenset(
    {
        b"content-encoding", b"expect", b"transfer-encoding",
        b"watchglass-client", b"watchglass-dropped", b"watchglass-source",
    }
)  # fmt: skip
"""Headers that change what a request means."""

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class Quick:
    """Answers requests of one plain row.

    Args:
        services: the parts of the server.
        versions: which (model, version) are registered; shared with the general way, which adds to them.
        waker: wakes whoever waits in the event loop; shared likewise.
    """

    def __init__(self, services: Services, versions: set[tuple[str, str]], waker: Waker) -> None:
        self._services = services
        self._versions = versions
        self._waker = waker
        self._known: dict[str, tuple[Model, frozenset[str]]] = {}
        self._most = min(SMALL, services.config.max_body_bytes)
        self._stored = _answer(Receipt(received=1, stored=1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request to /v1/models/{model}/inferences if it is of one plain row."""
        size = _size(scope)
        model = scope["path_params"]["model"]
        place = None if size is None or size > self._most else self._services.intake.admit_now(size, model)
        if place is None:
            return receive
        with place:
            message = _arrived(receive)
            if message is None:
                return receive
            row = self._row(message, place, model)
            if row is None:
                return _once(message, receive)
            await self._store(model, row, scope, receive, send)
        return None

    def _row(self, message: Message, place: Place, name: str) -> Inference | None:
        """Return the row of a body that is complete and plain; None where that is not certain."""
        if message["type"] != "http.request" or message.get("more_body", False):
            return None
        body = message.get("body", b"")
        try:
            row = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if type(row) is list and len(row) == 1:
            row = row[0]
        known = self._features(name)
        if known is None or not _plain(row, body, known):
            return None
        try:
            made = inference(row)
        except BadRow:
            return None
        if (name, made.version) not in self._versions:
            return None
        place.use(len(body))
        place.complete()
        return made

    def _features(self, name: str) -> frozenset[str] | None:
        """Return the features of a model, None where it is not registered or its name is not one."""
        try:
            model = self._services.store.catalog.model(name)
        except WatchglassError:
            return None
        found = self._known.get(name)
        if found is None or found[0] is not model:
            found = self._known[name] = (model, frozenset(feature.name for feature in model.schema.features))
        return found[1]

    async def _store(self, model: str, row: Inference, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        ingest = self._services.ingest
        try:
            ingest.check(model)
            waiting = self._waker.ticket()
            ingest.submit_one(model, row, waiting)
            receipt = await waiting.waiting
        except WatchglassError as error:
            await problem_response(from_error(error))(scope, receive, send)
            return
        self._services.commit_seconds.observe(time.perf_counter() - begun)
        start, body = self._stored if receipt.stored == 1 else _answer(receipt)
        await send(start)
        await send(body)


def _size(scope: Scope) -> int | None:
    """Return how long a small JSON body is that no header asks anything special of, else None."""
    size = media = None
    for name, value in scope["headers"]:
        if name == b"content-length":
            size = int(value) if value.isdigit() and len(value) < 6 else None
        elif name == b"content-type":
            media = value
        elif name in _GENERAL:
            return None
    return size if size is not None and size < SMALL and media in _JSON and not scope["query_string"] else None


def _arrived(receive: Receive) -> Message | None:
    """Return a request's first message if it is there already.

    Otherwise nothing is received: the general way waits for it, and gives up in time.
    """
    step = cast("Any", receive())
    try:
        step.send(None)
    except StopIteration as done:
        return cast("Message", done.value)
    step.close()
    return None


def _once(message: Message, receive: Receive) -> Receive:
    """Return a way to receive that gives a message again before all others."""
    first = [message]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


def _plain(row: object, body: bytes, known: frozenset[str]) -> bool:
    """Tell whether a decoded row is one that nothing can be wrong with but its time.

    As many keys as the body has colons behind quotes: none twice, no objects inside, no such text in a value.
    """
    if type(row) is not dict or not row.keys() <= _KEYS:
        return False
    features = row.get("features")
    if type(features) is not dict or not features.keys() <= known or b"\\u" in body:
        return False
    if body.count(b'":') != len(row) + len(features) or body.count(b"[") > _MOST_BRACKETS:
        return False
    name = row.get("id")
    return name is None or (type(name) is str and 0 < len(name) <= MAX_ID)


def _answer(receipt: Receipt) -> tuple[Message, Message]:
    """Return the two messages that answer 200 with a receipt."""
    body = _encoder.encode(receipt)
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": body},
    )
