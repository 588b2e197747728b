"""An explanation to come, for everybody who waits for it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from explain.queue import Ticket
from monitor.types import Explanation


@dataclass(eq=False, slots=True)
class Pending:
    """An explanation to come, or one that is there: then without a ticket.

    ``ticket`` is that of the job under way; ``sampled`` says whether chance chose the row for anybody who waits.
    """

    found: "Future[Explanation]"
    ticket: Ticket | None = None
    sampled: bool = False


def pass_on(into: Pending, ask: Callable[[], Pending]) -> None:
    """Let one explanation become what another will be."""

    def took(other: "Future[Explanation]") -> None:
        error = other.exception()
        if error is None:
            into.found.set_result(other.result())
        else:
            into.found.set_exception(error)

    try:
        other = ask()
        into.ticket = other.ticket
        other.found.add_done_callback(took)
    except Exception as error:  # noqa: BLE001 - raised in whoever waits
        into.found.set_exception(error)
