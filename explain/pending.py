"""An explanation to come, for everybody who waits for it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from explain.queue import Ticket
from monitor.types import Explanation


@dataclass(frozen=True, slots=True)
class Pending:
    """An explanation to come, or one that is there: then without a ticket."""

    found: "Future[Explanation]"
    ticket: Ticket | None = None


def pass_on(into: "Future[Explanation]", ask: Callable[[], Pending]) -> None:
    """Let one explanation become what another will be."""

    def took(other: "Future[Explanation]") -> None:
        error = other.exception()
        if error is None:
            into.set_result(other.result())
        else:
            into.set_exception(error)

    try:
        ask().found.add_done_callback(took)
    except Exception as error:  # noqa: BLE001 - raised in whoever waits
        into.set_exception(error)
