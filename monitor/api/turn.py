"""Single rows that come in one turn of the event loop are handed in together: all but the rows costs once for all."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.types import Message

from monitor.api.intake import Place
from monitor.api.problem import from_error, problem_response
from monitor.api.services import Services
from monitor.api.waking import Ticket, Waker
from monitor.errors import Unavailable, WatchglassError
from monitor.ingest import Receipt
from monitor.types import Inference

Respond = Callable[[Message, Message], None]
"""Sends an answer, its start and its whole content, in the event loop."""

Answer = tuple[Message, Message]

_log = logging.getLogger("watchglass.api")
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Asker:
    """Who sent one row: what it has in flight, how it is answered, and when it came."""

    place: Place
    respond: Respond
    begun: float


class Turn:
    """Gathers rows while the loop reads from its connections, then hands them in, by model.

    Args:
        services: the parts of the server.
        waker: carries the answers back into the loop.
    """

    def __init__(self, services: Services, waker: Waker) -> None:
        self._services = services
        self._waker = waker
        self._rows: dict[str, tuple[list[Inference], list[Asker]]] = {}
        self._stored = _answer(Receipt(received=1, stored=1))

    def add(self, model: str, row: Inference, place: Place, respond: Respond) -> None:
        """Take a plain row of a registered model; ``respond`` is called once it is durable, or refused."""
        if not self._rows:
            asyncio.get_running_loop().call_soon(self._hand_in)
        rows, askers = self._rows.setdefault(model, ([], []))
        rows.append(row)
        askers.append(Asker(place, respond, time.perf_counter()))

    def _hand_in(self) -> None:
        turn, self._rows = self._rows, {}
        for model, (rows, askers) in turn.items():
            try:
                self._services.ingest.check(model, len(rows))
                together = self._waker.ticket(partial(self._told, askers))
                self._services.ingest.submit_rows(model, rows, together, partial(self._ticket, askers))
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is answered
                self._told(askers, None, error)

    def _ticket(self, askers: list[Asker], place: int) -> Ticket:
        """Return what one of several is told by; called in the committer's thread."""
        return Ticket(self._waker, partial(self._told, [askers[place]]))

    def _told(self, askers: list[Asker], receipt: Receipt | None, error: BaseException | None) -> None:
        """Answer all with what the committer says of them."""
        if receipt is None:
            start, content = _failed(error)
        else:
            start, content = self._stored if receipt.stored == len(askers) else _answer(receipt)
        now = time.perf_counter()
        for asker in askers:
            asker.place.leave()
            if receipt is not None:
                self._services.commit_seconds.observe(now - asker.begun)
            asker.respond(start, content)


def _failed(error: BaseException | None) -> Answer:
    """Return the answer that says why a row was not stored."""
    if not isinstance(error, WatchglassError):
        _log.error("a row could not be stored", exc_info=error)
        error = Unavailable("The server failed on this row; its log has the cause.")
    said = problem_response(from_error(error))
    return (
        {"type": "http.response.start", "status": said.status_code, "headers": said.raw_headers},
        {"type": "http.response.body", "body": bytes(said.body)},
    )


def _answer(receipt: Receipt) -> Answer:
    """Return the answer 200 with a receipt."""
    body = _encoder.encode(receipt)
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": body},
    )
