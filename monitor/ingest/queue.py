"""A queue bounded in bytes: what does not fit is refused at once, never waited for."""

from collections import deque
from threading import Condition

from monitor.errors import Overloaded, Unavailable
from monitor.ingest.receipts import Submission

_GROUP_ROWS, _GROUP_BYTES = 100_000, 32 * 2**20

GATHER_SECONDS = 0.002
"""How long the committer waits for as many submissions as came last time: senders that were answered together send
again together, and a transaction costs the same for one as for all of them. One sender alone is never waited for."""

GLANCE_SECONDS = 0.0005
"""How long it waits after a group that only the journal was needed for: that costs so little that half of the senders
may as well be answered while the other half are being read."""


class Queue:
    """Submissions waiting for the committer.

    Args:
        max_bytes: how much may wait. A submission larger than that is taken when nothing else waits.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._waiting: deque[Submission] = deque()
        self._changed = Condition()
        self._open = False
        self._together = self._wanted = 1
        self._askers = 0  # how many requests wait to be answered
        self.bytes = 0

    def open(self) -> None:
        """Take submissions from now on."""
        with self._changed:
            self._open = True

    def close(self) -> None:
        """Take no more; what waits can still be taken out."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    @property
    def running(self) -> bool:
        """Whether submissions are taken."""
        return self._open

    def put(self, submission: Submission) -> None:
        """Add a submission.

        Raises:
            Overloaded: the queue is full; nothing was taken.
            Unavailable: the queue is closed; nothing was taken.
        """
        with self._changed:
            if not self._open:
                raise Unavailable("Capture is not running (starting or stopping). Send the same rows again later.")
            if self.bytes and self.bytes + submission.bytes > self._max:
                raise Overloaded(
                    f"The capture queue is full: {self.bytes:,} of {self._max:,} bytes wait to be stored. "
                    f"Send the same rows again in a second; repeats are recognised by their ids."
                )
            self.bytes += submission.bytes
            self._waiting.append(submission)
            self._askers += submission.askers
            if self._askers >= self._wanted:
                self._changed.notify()

    def take(self, patience: float = GATHER_SECONDS) -> list[Submission]:
        """Wait for submissions and return a group of them, in order; empty once closed and drained.

        As many requests as came last time are waited for, for so many seconds.
        """
        with self._changed:
            while not self._waiting and self._open:
                self._changed.wait()
            if self._open and self._askers < self._together:
                self._wanted = self._together
                self._changed.wait(patience)
                self._wanted = 1
            group: list[Submission] = []
            rows = size = askers = 0
            while self._waiting and rows < _GROUP_ROWS and size < _GROUP_BYTES:
                submission = self._waiting.popleft()
                group.append(submission)
                rows += submission.received
                size += submission.bytes
                askers += submission.askers
            self.bytes -= size
            self._askers -= askers
            self._together = askers
            return group
