"""Wait for the committer in an event loop: one wake-up for a whole group of requests, not one each."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Waker:
    """Turns futures that another thread resolves into awaits, and wakes the loop once for all that are resolved.

    Lives in one event loop at a time.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[tuple[asyncio.Future[Any], Future[Any]]] = deque()
        self._called = False

    async def wait(self, future: "Future[T]") -> T:
        """Return the future's result, or raise what it raises."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        waiting: asyncio.Future[T] = loop.create_future()

        def resolved(done: "Future[T]") -> None:
            self._done.append((waiting, done))
            if not self._called:  # a wake-up that is under way finds this one too
                self._called = True
                try:
                    loop.call_soon_threadsafe(self._wake)
                except RuntimeError:
                    self._called = False  # the loop has ended, and nobody waits in it

        future.add_done_callback(resolved)
        return await waiting

    def _wake(self) -> None:
        self._called = False  # first: what comes after this line calls again
        while self._done:
            waiting, done = self._done.popleft()
            if waiting.done():  # whoever waited was cancelled
                continue
            error = done.exception()
            if error is None:
                waiting.set_result(done.result())
            else:
                waiting.set_exception(error)
