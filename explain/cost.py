"""What an explanation would cost, said before it is made: model rows, and requests to somebody's endpoint."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from explain.models import adapter
from explain.models.endpoint import Pace
from explain.request import Request

if TYPE_CHECKING:
    from monitor.store import Store

CARD_ROWS = 1_800
"""What the checks on an explanation ask at most, beside what its method asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one explanation would take at most.

    ``rows`` are model rows; it may be fewer, where the answer is exact or sure enough before. ``requests`` are those
    that so many rows need at the endpoint, ``concurrency`` of them at a time; 0 where the model's own file is asked.
    ``cached``: the same was asked before, and costs nothing.
    """

    method: str
    chosen_because: str
    target: str
    rows: int
    requests: int
    concurrency: int
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCost:
    """What explaining a window would take at most: so many explanations of what one of its rows costs.

    ``one`` is the first row's; of those explained before, none is asked again.
    """

    explanations: int
    rows: int
    requests: int
    one: Cost


def cost(request: Request, store: "Store") -> Cost:
    """Return what a question would cost.

    Args:
        request: the question.
        store: where answers are kept.
    """
    job = request.job
    known = store.explanations.find(request.model.name, request.inference_id, fingerprint=request.fingerprint)
    cached = known is not None
    rows = 0 if cached else job.settings.get("rows", 0) + CARD_ROWS
    remote = not adapter(job.spec).cheap
    pace = Pace.of(job.spec) if remote else None
    return Cost(
        method=job.method,
        chosen_because=request.why,
        target=request.target,
        rows=rows,
        requests=pace.requests(rows) if pace else 0,
        concurrency=pace.concurrency if pace else 0,
        cached=cached,
    )
