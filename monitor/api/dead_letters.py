"""What could not be stored: look at it, delete it, and read it again once the cause is mended."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.api.replay import Replay, Replayed
from monitor.api.services import Services
from monitor.errors import InvalidInput
from monitor.store import DeadLetter

_PATH = "/v1/models/{model}/dead-letters"
_MOST_DIGITS = 18
_FILTER = (
    Parameter(name="reason", description="Only those rejected for this reason."),
    Parameter(name="source", description="Only those that came this way."),
)
_PAGE = (
    *_FILTER,
    Parameter(name="limit", description="Most letters.", type="integer", default=100, minimum=1, maximum=1000),
    Parameter(name="offset", description="Skip so many.", type="integer", default=0, minimum=0, maximum=10**9),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRow:
    """One dead letter.

    ``body`` is what was sent: as text, or in base64 where it is not UTF-8 (``encoding`` says which). ``form`` is how it
    is read: inferences or labels (one JSON row), a collector's name (a whole request), or note. ``size`` is how many
    bytes it had; ``cut`` says that only its beginning is kept, so that it cannot be replayed. ``replayed`` is when it
    became rows; its body is gone then.
    """

    number: int
    source: str
    form: str
    id: str | None
    reason: str
    detail: str
    body: str
    encoding: str
    size: int
    cut: bool
    received: datetime
    kept_until: datetime
    replayed: datetime | None


@dataclass(frozen=True, slots=True)
class LetterPage:
    """One page of dead letters, newest first; ``total`` is how many match, ``next_offset`` null on the last page."""

    letters: list[LetterRow]
    total: int
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many dead letters were deleted."""

    deleted: int


class ReplayRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which letters to read again: those of a reason, of a source, or one by its number; else all."""

    reason: str | None = None
    source: str | None = None
    number: int | None = None


class DeadLetters:
    """The handlers of dead letters."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._replay = Replay(services)

    def get_letters(self, call: Call) -> Reply:
        """Filter and page through a model's dead letters."""
        model = self._services.store.catalog.model(call.path["model"]).name
        reason, source = call.text("reason"), call.text("source")
        limit, offset = call.number("limit"), call.number("offset")
        letters = self._services.store.letters
        found = letters.query(model, reason=reason, source=source, limit=limit, offset=offset)
        total = letters.count(model, reason=reason, source=source)
        more = offset + len(found) if offset + len(found) < total and found else None
        return Reply(LetterPage([self._shown(letter) for letter in found], total, more))

    def get_letter(self, call: Call) -> Reply:
        """Show one dead letter."""
        model = self._services.store.catalog.model(call.path["model"]).name
        return Reply(self._shown(self._services.store.letters.get(model, _number(call))))

    def delete_letters(self, call: Call) -> Reply:
        """Delete those that match."""
        model = self._services.store.catalog.model(call.path["model"]).name
        letters = self._services.store.letters
        return Reply(Deleted(letters.delete(model, reason=call.text("reason"), source=call.text("source"))))

    def delete_letter(self, call: Call) -> Reply:
        """Delete one."""
        model = self._services.store.catalog.model(call.path["model"]).name
        return Reply(Deleted(self._services.store.letters.delete(model, number=_number(call))))

    async def post_replay(self, call: Call) -> Reply:
        """Read those that match again."""
        model = self._services.store.catalog.model(call.path["model"])
        asked = call.json(ReplayRequest)
        return Reply(await self._replay.run(model, reason=asked.reason, source=asked.source, number=asked.number))

    def _shown(self, letter: DeadLetter) -> LetterRow:
        try:
            body, encoding = letter.body.decode(), "utf-8"
        except UnicodeDecodeError:
            body, encoding = base64.b64encode(letter.body).decode(), "base64"
        return LetterRow(
            number=letter.number,
            source=letter.source,
            form=letter.form,
            id=letter.id,
            reason=letter.reason,
            detail=letter.detail,
            body=body,
            encoding=encoding,
            size=letter.size,
            cut=letter.cut,
            received=letter.received,
            kept_until=letter.received + timedelta(days=self._services.store.letters.limits.days),
            replayed=letter.replayed,
        )


def _number(call: Call) -> int:
    given = call.path["number"]
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS):
        raise InvalidInput(f"The number of a dead letter is {given[:40]!r}; allowed: digits.")
    return int(given)


def operations(services: Services) -> list[Operation]:
    """Return the operations on dead letters."""
    letters = DeadLetters(services)
    return [
        Operation(
            method="GET",
            path=_PATH,
            name="list_dead_letters",
            summary="Read what could not be stored, newest first.",
            tag="dead letters",
            handler=letters.get_letters,
            replies={200: LetterPage},
            errors=(404, 422),
            parameters=_PAGE,
        ),
        Operation(
            method="DELETE",
            path=_PATH,
            name="delete_dead_letters",
            summary="Delete the dead letters of a reason, of a source, or all.",
            tag="dead letters",
            handler=letters.delete_letters,
            replies={200: Deleted},
            errors=(404, 422),
            parameters=_FILTER,
        ),
        Operation(
            method="POST",
            path=f"{_PATH}/replay",
            name="replay_dead_letters",
            summary="Read dead letters again; those that can be stored now become rows, the others stay.",
            tag="dead letters",
            handler=letters.post_replay,
            replies={200: Replayed},
            errors=(400, 404, 413, 415, 422, 429, 503, 507),
            body=BodySpec(type=ReplayRequest, required=False),
        ),
        Operation(
            method="GET",
            path=f"{_PATH}/{{number}}",
            name="get_dead_letter",
            summary="Show one dead letter with its body.",
            tag="dead letters",
            handler=letters.get_letter,
            replies={200: LetterRow},
            errors=(404, 422),
        ),
        Operation(
            method="DELETE",
            path=f"{_PATH}/{{number}}",
            name="delete_dead_letter",
            summary="Delete one dead letter.",
            tag="dead letters",
            handler=letters.delete_letter,
            replies={200: Deleted},
            errors=(404, 422),
        ),
    ]
