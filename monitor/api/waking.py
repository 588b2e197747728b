"""Wait for the committer in an event loop: one wake-up for a whole group of requests, not one each."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

Outcome = tuple[Any, BaseException | None]


class Ticket:
    """What a thread resolves, once, and somebody in the waker's event loop awaits as ``waiting``.

    A future without what nobody here needs: it costs a tenth.
    """

    __slots__ = ("_waker", "waiting")

    def __init__(self, waker: "Waker", waiting: "asyncio.Future[Any]") -> None:
        self._waker = waker
        self.waiting = waiting

    def set_result(self, result: object) -> None:
        """Let the awaiting task go on with a result."""
        self._waker.resolve(self.waiting, (result, None))

    def set_exception(self, error: BaseException | None) -> None:
        """Let the awaiting task go on with an exception."""
        self._waker.resolve(self.waiting, (None, error))


class Waker:
    """Turns futures that another thread resolves into awaits, and wakes the loop once for all that are resolved.

    Lives in one event loop at a time.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[asyncio.Future[Any], Outcome]] = deque()
        self._called = False

    def ticket(self) -> Ticket:
        """Return a ticket to be awaited in the running loop."""
        self._loop = loop = asyncio.get_running_loop()
        return Ticket(self, loop.create_future())

    async def wait(self, future: "Future[T]") -> T:
        """Return the future's result, or raise what it raises."""
        ticket = self.ticket()

        def resolved(done: "Future[T]") -> None:
            error = done.exception()
            if error is None:
                ticket.set_result(done.result())
            else:
                ticket.set_exception(error)

        future.add_done_callback(resolved)
        result: T = await ticket.waiting
        return result

    def resolve(self, waiting: "asyncio.Future[Any]", outcome: Outcome) -> None:
        """Let a task of the loop go on; called in any thread."""
        self._done.append((waiting, outcome))
        if not self._called and self._loop is not None:  # a wake-up that is under way finds this one too
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:
                self._called = False  # the loop has ended, and nobody waits in it

    def _wake(self) -> None:
        self._called = False  # first: what comes after this line calls again
        while self._done:
            waiting, (result, error) = self._done.popleft()
            if waiting.done():  # whoever waited was cancelled
                continue
            if error is None:
                waiting.set_result(result)
            else:
                waiting.set_exception(error)
