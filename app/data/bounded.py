"""The newest part of a window that holds about so many rows: what is listed, counted or sorted is bounded."""

from collections.abc import Sequence
from datetime import datetime

from app.data.model import read
from monitor.types import ALL, Window

MOST = 100_000
"""About how many rows are sorted by another thing than time at most, however many a window has."""
LISTED = 1_000_000
"""About how many rows are listed in order of time and counted at most."""


def newest_part(model: str, window: Window, most: int = MOST) -> Window:
    """Return the end of a window that has about ``most`` rows by what was measured; all of it where it has fewer."""
    counted: dict[Window, float] = {}
    for given in read(model, "traffic.rows", window, None, ALL):
        counted[given.window] = counted.get(given.window, 0.0) + (given.value or 0.0)
    return part_of(window, sorted(counted.items(), key=lambda each: each[0].start), most)


def part_of(window: Window, counted: Sequence[tuple[Window, float]], most: int = MOST) -> Window:
    """Return the end of a window that holds about ``most`` rows.

    Args:
        window: all of it.
        counted: rows of its measured windows, in order of time; what came after the last came about as fast as it.
        most: how many rows.

    >>> from datetime import UTC, timedelta
    >>> start, day = datetime(2013, 7, 1, tzinfo=UTC), timedelta(days=1)
    >>> counted = [(Window(start + n * day, start + (n + 1) * day), 1000.0) for n in range(3)]
    >>> str(part_of(Window(start, start + 3 * day), counted, most=1500).start)
    '2013-07-02 12:00:00+00:00'
    """
    if not counted:
        return window
    newest, rows = counted[-1]
    unmeasured = (window.end - newest.end) / newest.length
    spans = [*counted, (Window(newest.end, window.end), rows * unmeasured)] if unmeasured > 0 else list(counted)
    left = float(most)
    for span, held in reversed(spans):
        if held > left:
            start: datetime = span.end - span.length * (left / held)
            return Window(max(start, window.start), window.end)
        left -= held
    return window
