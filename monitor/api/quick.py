"""The shortest way from one row as JSON to its answer; whatever is out of the ordinary goes the general way.

Nothing here refuses anything: a request is taken only where the general way would take it with the same result, and
what is not certain of that is handed on untouched.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec
from starlette.types import Message, Receive, Scope, Send

from monitor.api.listed import BadRow
from monitor.api.rows import MAX_ID, inference
from monitor.api.services import Services
from monitor.api.turn import Answer, Respond, Turn
from monitor.api.waking import Waker
from monitor.errors import WatchglassError
from monitor.types import Inference, Model

SMALL = 1 << 14
"""Bodies below this size are looked at, in bytes."""

SAME_HEAD = "watchglass.same_head"
"""The ASGI extension by which a connection offers to give requests with this very head to a `Taker` directly."""

Taker = Callable[[bytes, Respond], bool]
"""Takes a body and answers it in its time; or returns False at once, and the general way is gone."""

_KEYS = frozenset(Inference.__dataclass_fields__)
_MOST_BRACKETS = 64
_MOST_SHAPES = 256
_JSON = (b"application/json", b"application/json; charset=utf-8")
_GENERAL = frozenset(
    {
        b"content-encoding", b"expect", b"transfer-encoding",
        b"watchglass-client", b"watchglass-dropped", b"watchglass-source",
    }
)  # fmt: skip
"""Headers that change what a request means."""

_decoder = msgspec.json.Decoder()


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
        self._turn = Turn(services, waker)
        self._known: dict[str, _Known] = {}
        self._most = min(SMALL, services.config.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request to /v1/models/{model}/inferences if it is of one plain row."""
        size = _size(scope)
        if size is None or size > self._most:
            return receive
        model = scope["path_params"]["model"]
        message = _arrived(receive)
        if message is None:
            return receive
        if message["type"] != "http.request" or message.get("more_body", False):
            return _once(message, receive)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if not self._take(model, message.get("body", b""), partial(_resolve, answered)):
            return _once(message, receive)
        for part in await answered:
            await send(part)
        same_head = scope.get("extensions", {}).get(SAME_HEAD)
        if same_head is not None:
            same_head["taker"](partial(self._take, model))
        return None

    def _take(self, model: str, body: bytes, respond: Respond) -> bool:
        """Take a body if it is one plain row, and answer it once that is durable; else False, and nothing was done."""
        row = self._row(model, body)
        if row is None:
            return False
        place = self._services.intake.admit_now(len(body), model)
        if place is None:
            return False
        place.complete()
        self._turn.add(model, row, place, respond)
        return True

    def _row(self, name: str, body: bytes) -> Inference | None:
        """Return the row of a body that is plain; None where that is not certain."""
        try:
            row = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if type(row) is list and len(row) == 1:
            row = row[0]
        known = self._model(name)
        if known is None or type(row) is not dict or not known.fits(row) or not _plain(row, body):
            return None
        try:
            made = inference(row)
        except BadRow:
            return None
        return made if (name, made.version) in self._versions else None

    def _model(self, name: str) -> "_Known | None":
        """Return what is known of a model, None where it is not registered or its name is not one."""
        try:
            model = self._services.store.catalog.model(name)
        except WatchglassError:
            return None
        found = self._known.get(name)
        if found is None or found.model is not model:
            found = self._known[name] = _Known(model)
        return found


class _Known:
    """A model, and the shapes of rows that were found to be of it: senders repeat themselves."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._features = frozenset(feature.name for feature in model.schema.features)
        self._shapes: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()

    def fits(self, row: dict[str, object]) -> bool:
        """Tell whether a row has no keys but ours, and no features but the model's."""
        features = row.get("features")
        if type(features) is not dict:
            return False
        shape = (tuple(row), tuple(features))
        if shape in self._shapes:
            return True
        if not (row.keys() <= _KEYS and features.keys() <= self._features):
            return False
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        self._shapes.add(shape)
        return True


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


def _plain(row: dict[str, Any], body: bytes) -> bool:
    """Tell whether a decoded row whose keys are right is one that nothing can be wrong with but its time.

    As many keys as the body has colons behind quotes: none twice, no objects inside, no such text in a value.
    """
    if (b"\\" in body and b"\\u" in body) or body.count(b"[") > _MOST_BRACKETS:  # one byte is found much faster
        return False
    keys = len(row) + len(row["features"])
    if body.count(b":") != keys and body.count(b'":') != keys:
        return False
    name = row.get("id")
    return name is None or (type(name) is str and 0 < len(name) <= MAX_ID)


def _resolve(answered: "asyncio.Future[Answer]", start: Message, content: Message) -> None:
    if not answered.done():  # whoever waited was cancelled
        answered.set_result((start, content))
