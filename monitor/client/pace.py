"""How the client's thread stays out of the way of the served model it shares an interpreter with.

Only one thread of a Python process runs at a time. A model that lets go of the interpreter, as NumPy does in every
call, gets it back only once whoever took it lets go in turn: a thread that works without a pause holds such a model up
for as long as it works, and one that pauses briefly holds it up for nearly as long. So this thread works in short
slices, best while no prediction is under way, and rests for many times as long after each.
"""

import time
from threading import Lock
from typing import Protocol
from weakref import WeakSet

from monitor.client.queue import Queue

SLICE = 0.0001
"""Seconds of work after which it rests. One prediction of a few columns takes about this long to read and write."""
REST = 15.0
"""How many times as long as it worked it rests while little waits: it then takes a sixteenth of the time at most,
and half of that where predictions are always under way."""
LONGEST_REST = 0.02
LOOK = 0.0005
"""Seconds between two looks at whether predictions are under way."""
BRIEFEST_REST = 0.00005
"""Seconds it rests even where it is late: a thread that waits for the interpreter gets it."""


class Unfinished(Protocol):
    """Hooks that see the begin and the end of predictions."""

    def unfinished(self) -> None:
        """Count the predictions that have begun and not ended."""


class UnderWay:
    """How many predictions are being made just now; each is made ``with`` it.

    >>> under_way = UnderWay()
    >>> with under_way:
    ...     under_way.count
    1
    """

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()
        self._watched: WeakSet[Unfinished] = WeakSet()

    def watch(self, watched: Unfinished) -> None:
        """Have hooks told at the end, that may be in the middle of a prediction then."""
        self._watched.add(watched)

    def end(self) -> None:
        """Have all that is under way in hooks counted as unfinished."""
        for watched in list(self._watched):
            watched.unfinished()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.count -= 1


class Pace:
    """The work and rest of one thread that empties ``queue``, beside the predictions that are ``under_way``.

    The fuller the queue, the shorter the rests, down to hardly any where it is half full or where someone waits for it
    to be emptied: what is captured must not be lost for want of time.
    """

    def __init__(self, queue: Queue, under_way: UnderWay) -> None:
        self._queue, self._under_way = queue, under_way
        self._since = time.perf_counter()

    def begin(self) -> None:
        """Start a slice: what was before it was no work."""
        self._await_lull(LONGEST_REST)
        self._since = time.perf_counter()

    def give_way(self) -> None:
        """Rest if the slice is over, and a little longer if a prediction is under way then."""
        worked = time.perf_counter() - self._since
        if worked >= SLICE:
            rest = self.rest(worked)
            time.sleep(rest)
            self._await_lull(rest)
            self._since = time.perf_counter()

    def rest(self, worked: float) -> float:
        """Return how many seconds to rest after so many of work.

        >>> round(Pace(Queue(max_bytes=1000), UnderWay()).rest(0.0002), 6)
        0.003
        """
        return max(min(worked * REST * self._room(), LONGEST_REST), BRIEFEST_REST)

    def _await_lull(self, longest: float) -> None:
        """Wait until no prediction is under way, but not for long: there may always be one."""
        until = time.perf_counter() + longest * self._room()
        while self._under_way.count > 0 and time.perf_counter() < until:
            time.sleep(LOOK)

    def _room(self) -> float:
        """Return 1 while there is time, 0 while there is none."""
        if self._queue.waiting > 0:
            return 0.0
        return max(1 - 2 * self._queue.bytes / self._queue.max_bytes, 0.0)
