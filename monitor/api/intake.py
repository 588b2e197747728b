"""Bodies in flight, bounded in bytes over all requests: the rest waits a moment unread, then is told to come again."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import accumulate
from types import TracebackType
from typing import Self

from monitor.errors import Overloaded

OVERHEAD = 16 * 2**10
"""What any request takes in memory besides its body, in bytes."""

PATIENCE_SECONDS = 3.0
"""How long a request waits for others to be answered. Its body is still on the way then: it costs next to nothing."""

LARGE, LONGEST_SECONDS = 2**20, 15.0
"""A body of so many bytes waits on, up to so long, while those before it are answered at a pace by which its turn comes
in that time: to be sent again costs its sender more than to wait, and common clients wait 30 s for an answer. Small
ones are sent again cheaply, and their senders (our own client: 5 s) would have given up."""

STALL_SECONDS = 10.0

MOST_WAITING = 256

MOST_AT_ONCE = 256
"""How many requests are worked on at once; more would only make each wait longer."""

SLOW_SECONDS, MANY = 2.0, 64
"""When the oldest of at least so many requests has been waited for so long, no more are taken on: they would wait
longer than senders do, and come again while their first try is still being worked on."""


class Intake:
    """How many bytes of bodies are being read, parsed and stored, and who waits to be next, in order.

    Lives in one event loop; a server has one.

    Args:
        max_bytes: how much may be in flight. A body larger than that is taken when it is alone.
        refused: called with the model of each request that is refused, to count it.
        patience: how long a request waits for its turn, in seconds; a large one looks so often whether it comes.
        stall: how long a body may stand still before its connection is given up, in seconds.
    """

    def __init__(
        self,
        max_bytes: int,
        refused: Callable[[str], None] | None = None,
        patience: float = PATIENCE_SECONDS,
        stall: float = STALL_SECONDS,
    ) -> None:
        self.stall = stall
        self._max = max_bytes
        self._refused = refused
        self._patience = patience
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._read: dict[Place, float] = {}  # requests being worked on, by when their body was there, oldest first
        self._round: float | None = None
        self._given = 0  # bytes given back, ever: what the pace is told by
        self.bytes = 0

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    async def admit(self, size: int, model: str = "") -> "Place":
        """Wait until a request for ``model`` may have ``size`` bytes in flight.

        Raises:
            Overloaded: that did not come true in time, or too many wait already.
        """
        size += OVERHEAD
        if self._round_seconds() > self._patience:
            raise self._overloaded(model)
        if self._waiting or not self._fits(size):
            await self._turn(size, model)
        else:
            self.bytes += size
        return Place(self, size, model)

    def admit_now(self, size: int, model: str = "") -> "Place | None":
        """Do as `admit` where nothing has to be waited for; None where something has."""
        size += OVERHEAD
        if self._waiting or self._round_seconds() > self._patience or not self._fits(size):
            return None
        self.bytes += size
        return Place(self, size, model)

    async def _turn(self, size: int, model: str) -> None:
        if len(self._waiting) >= MOST_WAITING:
            raise self._overloaded(model)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        began, given = time.monotonic(), self._given
        try:
            await asyncio.wait([turn], timeout=self._patience)
            while not turn.done() and self._comes(size, turn, time.monotonic() - began, self._given - given):
                await asyncio.wait([turn], timeout=self._patience)
        except asyncio.CancelledError:
            self._leave(size, turn)
            raise
        if not turn.done():
            self._leave(size, turn)
            raise self._overloaded(model)

    def _comes(self, size: int, turn: "asyncio.Future[None]", waited: float, given: int) -> bool:
        """Return whether a large body's turn comes in time at the pace of the ``given`` bytes since it ``waited``."""
        if size < LARGE or given <= 0:
            return False
        before = accumulate(each for each, _ in self._waiting)
        upto = next(total for total, (_, other) in zip(before, self._waiting, strict=True) if other is turn)
        lacking = self.bytes + upto - self._max
        return lacking > 0 and waited * (1 + lacking / given) < LONGEST_SECONDS  # else it is not bytes it waits for

    def _leave(self, size: int, turn: "asyncio.Future[None]") -> None:
        if turn.done():
            self.give_back(size)
        else:
            self._waiting.remove((size, turn))
            self._call()  # it may have been what those behind it waited for

    def take(self, size: int, model: str) -> None:
        """Have ``size`` more bytes in flight for a request that is being read.

        Raises:
            Overloaded: they do not fit.
        """
        if not self._fits(size):
            raise self._overloaded(model)
        self.bytes += size

    def give_back(self, size: int) -> None:
        """Have ``size`` bytes less in flight, and let those go on who wait."""
        self.bytes -= size
        self._given += size
        self._call()

    def _fits(self, size: int) -> bool:
        room = self.bytes + size <= self._max and len(self._read) < MOST_AT_ONCE
        return not self.bytes or (room and not self._slow())

    def _slow(self) -> bool:
        if len(self._read) < MANY or self.bytes < self._max // 8:
            return False
        return time.monotonic() - next(iter(self._read.values())) > SLOW_SECONDS

    def _round_seconds(self) -> float:
        """Return for how long the loop has been busy with what was ready at once; small bodies are parsed in it."""
        now = time.monotonic()
        if self._round is None:
            self._round = now
            asyncio.get_running_loop().call_soon(self._next_round)
        return now - self._round

    def _next_round(self) -> None:
        self._round = None

    def begin(self, place: "Place") -> None:
        """Note that a request's body is there, and work on it begins."""
        self._read[place] = time.monotonic()

    def end(self, place: "Place", size: int) -> None:
        """Note that a request was answered."""
        self._read.pop(place, None)
        self.give_back(size)

    def _call(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self.bytes += size
            turn.set_result(None)

    def _overloaded(self, model: str) -> Overloaded:
        if self._refused is not None:
            self._refused(model)
        return Overloaded(
            f"More is being sent than can be stored: {self.bytes:,} of {self._max:,} bytes of bodies are in flight and "
            f"{len(self._waiting):,} requests wait. Send the same rows again in a second; repeats are recognised by "
            "their ids."
        )


class Place:
    """What one request has in flight; a context manager that gives it back."""

    def __init__(self, intake: Intake, size: int, model: str) -> None:
        self._intake = intake
        self._model = model
        self._size = size
        self._unused = size - OVERHEAD

    @property
    def stall(self) -> float:
        """How long the body may stand still, in seconds."""
        return self._intake.stall

    def use(self, size: int) -> None:
        """Account for ``size`` bytes that are in memory now: those asked for first, then more.

        Raises:
            Overloaded: more than was asked for, and it does not fit.
        """
        more = max(size - self._unused, 0)
        if more:
            self._intake.take(more, self._model)
        self._size += more
        self._unused -= size - more

    def complete(self) -> None:
        """Say that the body is there."""
        self._intake.begin(self)

    def leave(self) -> None:
        """Give it back."""
        self._intake.end(self, self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
