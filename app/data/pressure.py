"""Whether rows are taken now, how much room there is, and how often senders were told to come again."""

from dataclasses import dataclass

from app.runtime import runtime
from monitor.ingest import BODIES_FULL, DISK_FULL, STOPPED
from monitor.store import Room

MEANT = {
    BODIES_FULL: "More was sent at once than could be stored (429)",
    "queue_full": "Too much waited to be stored (429)",
    DISK_FULL: "The disk had no room (507)",
    STOPPED: "The server was starting or stopping (503)",
    "store_failed": "The store refused the commit (503)",
}
"""Why requests were refused, in words."""


@dataclass(frozen=True, slots=True)
class Refused:
    """How many requests for one model were told to come again, and why."""

    model: str
    reason: str
    requests: int


def room() -> Room:
    """What the store's disk has free, and what must stay free."""
    return runtime().ingest.disk.room()


def refused() -> list[Refused]:
    """Refused requests by model and reason, most first."""
    found = runtime().ingest.refusals.totals().items()
    rows = [Refused(model, MEANT.get(reason, reason), requests) for (model, reason), requests in found]
    return sorted(rows, key=lambda each: (-each.requests, each.model, each.reason))
