"""How the client's thread stays out of the way of the served model it shares an interpreter with.

Only one thread of a Python process runs at a time. A model that lets go of the interpreter, as NumPy does in every
call, gets it back only once whoever took it lets go in turn: a thread that works without a pause holds such a model up
for as long as it works, and one that pauses briefly holds it up for nearly as long. So this thread works in short
slices, and rests for many times as long after each.
"""

import time

from monitor.client.queue import Queue

SLICE = 0.0001
"""Seconds of work after which it rests. One prediction of a few columns takes about this long to read and write."""
REST = 15.0
"""How many times as long as it worked it rests while little waits: it then takes a sixteenth of the time at most."""
LONGEST_REST = 0.02
BRIEFEST_REST = 0.00005
"""Seconds it rests even where it is late: a thread that waits for the interpreter gets it."""


class Pace:
    """The work and rest of one thread that empties ``queue``.

    The fuller the queue, the shorter the rests, down to hardly any where it is half full or where someone waits for it
    to be emptied: what is captured must not be lost for want of time.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._since = time.perf_counter()

    def begin(self) -> None:
        """Start a slice: what was before it was no work."""
        self._since = time.perf_counter()

    def give_way(self) -> None:
        """Rest if the slice is over."""
        worked = time.perf_counter() - self._since
        if worked >= SLICE:
            time.sleep(self.rest(worked))
            self._since = time.perf_counter()

    def rest(self, worked: float) -> float:
        """Return how many seconds to rest after so many of work.

        >>> round(Pace(Queue(max_bytes=1000)).rest(0.0002), 6)
        0.003
        """
        waited_for = self._queue.waiting > 0
        room = 0.0 if waited_for else max(1 - 2 * self._queue.bytes / self._queue.max_bytes, 0.0)
        return max(min(worked * REST * room, LONGEST_REST), BRIEFEST_REST)
