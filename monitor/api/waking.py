"""Wait for the committer in an event loop: one wake-up for a whole group of requests, not one each."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

Told = Callable[[Any, BaseException | None], None]
"""Takes a result, or the exception there is instead."""


class Waker:
    """Carries what another thread answers into an event loop, and wakes the loop once for all that is answered.

    Lives in one event loop at a time.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[Told, Any, BaseException | None]] = deque()
        self._called = False

    def ticket(self, told: Told) -> "Ticket":
        """Return what a thread is to resolve, once, for ``told`` to be called in the running loop."""
        self._loop = asyncio.get_running_loop()
        return Ticket(self, told)

    def awaited(self) -> tuple["Ticket", "asyncio.Future[Any]"]:
        """Return a ticket, and a future of the running loop that it resolves."""
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def told(result: object, error: BaseException | None) -> None:
            if waiting.done():  # whoever waited was cancelled
                return
            if error is None:
                waiting.set_result(result)
            else:
                waiting.set_exception(error)

        return self.ticket(told), waiting

    async def wait(self, future: "Future[T]") -> T:
        """Return the future's result, or raise what it raises."""
        ticket, waiting = self.awaited()

        def resolved(done: "Future[T]") -> None:
            error = done.exception()
            if error is None:
                ticket.set_result(done.result())
            else:
                ticket.set_exception(error)

        future.add_done_callback(resolved)
        result: T = await waiting
        return result

    def call(self, told: Told, result: object, error: BaseException | None) -> None:
        """Have ``told`` called in the loop; called in any thread."""
        self._done.append((told, result, error))
        if not self._called and self._loop is not None:  # a wake-up that is under way finds this one too
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:
                self._called = False  # the loop has ended, and nobody waits in it

    def _wake(self) -> None:
        self._called = False  # first: what comes after this line calls again
        while self._done:
            told, result, error = self._done.popleft()
            told(result, error)


class Ticket:
    """An answer that is given in another thread and told in the waker's event loop.

    A future without what nobody here needs: it costs a tenth.
    """

    __slots__ = ("_told", "_waker")

    def __init__(self, waker: Waker, told: Told) -> None:
        self._waker = waker
        self._told = told

    def set_result(self, result: object) -> None:
        """Tell a result."""
        self._waker.call(self._told, result, None)

    def set_exception(self, error: BaseException | None) -> None:
        """Tell an exception."""
        self._waker.call(self._told, None, error)
