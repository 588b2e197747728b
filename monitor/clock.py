"""Time is injected, so that replays, tests and faults move it instead of waiting for it."""

from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""No window begins before this; a row that says it was predicted earlier is kept, but its clock was wrong."""


class Clock(Protocol):
    """Anything that tells the present moment, aware and in UTC."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment.

        >>> SystemClock().now().tzinfo
        datetime.timezone.utc
        """
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved; it never goes back.

    >>> clock = ManualClock(datetime(2013, 5, 1, tzinfo=UTC))
    >>> clock.advance(datetime(2013, 5, 2, tzinfo=UTC))
    >>> clock.now().day
    2
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the moment last set."""
        with self._lock:
            return self._now

    def advance(self, to: datetime) -> None:
        """Move the clock to a later moment; an earlier one changes nothing."""
        with self._lock:
            self._now = max(self._now, to.astimezone(UTC))
