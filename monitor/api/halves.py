"""Show the halves of exchanges whose other side has not come."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.api.operation import Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.ingest.exchanges import described
from monitor.store import HalfCount

_PARAMETERS = (
    Parameter(name="orphans", type="boolean", description="Only those that have waited too long.", default=False),
    Parameter(name="limit", type="integer", description="At most so many.", default=100, minimum=1, maximum=1_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedHalf:
    """One side of an exchange: what was asked or answered, and since when the other side is awaited.

    ``note`` says how the two sides contradict each other, where both came.
    """

    exchange: str
    side: str
    source: str
    rows: int
    time: datetime | None
    received: datetime
    orphan: bool
    note: str | None
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnpairedHalves:
    """A model's unpaired halves, newest first, and how many there are by source and side."""

    halves: list[UnpairedHalf]
    counts: list[HalfCount]


class Unpaired:
    """The handler of unpaired halves."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def get_halves(self, call: Call) -> Reply:
        """Return the newest halves that wait or are orphans."""
        store, now = self._services.store, self._services.clock.now()
        model = store.catalog.model(call.path["model"]).name
        orphaned = store.halves.orphaned(now)
        found = store.halves.newest(
            model, limit=call.number("limit"), before=orphaned if call.values["orphans"] else None
        )
        shown = [
            UnpairedHalf(
                exchange=half.exchange,
                side=half.side,
                source=half.source,
                rows=half.rows,
                time=half.time,
                received=half.received,
                orphan=half.note is None and half.received < orphaned,
                note=half.note,
                content=described(half),
            )
            for half in found
        ]
        return Reply(UnpairedHalves(shown, store.halves.counts(now, model)))


def operations(services: Services) -> list[Operation]:
    """Return the operation that reads unpaired halves."""
    return [
        Operation(
            method="GET",
            path="/v1/models/{model}/halves",
            name="list_halves",
            summary="Requests without an answer and answers without a request, as model servers' loggers sent them.",
            tag="inferences",
            handler=Unpaired(services).get_halves,
            replies={200: UnpairedHalves},
            errors=(404, 422),
            parameters=_PARAMETERS,
        )
    ]
