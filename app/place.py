"""Where in the dashboard a person is: model, version, segment and window, as the address carries them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from monitor.types import ALL, Window

SPANS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
"""The windows on offer, by the days before the last midnight at which they start."""
DEFAULT_SPAN = "30d"
KEYS = ("model", "version", "segment", "feature", "window", "start", "end")


@dataclass(frozen=True, slots=True)
class Place:
    """What every data view is about. ``version`` None is every version; ``span`` None is a window of its own."""

    model: str
    window: Window
    version: str | None = None
    segment: str = ALL
    span: str | None = DEFAULT_SPAN

    def query(self, **changes: str | None) -> dict[str, str]:
        """The address's parameters that lead back here, with some changed or, where None, left out.

        >>> at = Place("flights", Window(datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 7, 8, tzinfo=UTC)))
        >>> at.query(feature="temp")
        {'model': 'flights', 'window': '30d', 'feature': 'temp'}
        """
        given: dict[str, str | None] = {
            "model": self.model,
            "version": self.version,
            "segment": None if self.segment == ALL else self.segment,
        }
        if self.span is None:
            given |= {"start": stamp(self.window.start), "end": stamp(self.window.end)}
        else:
            given["window"] = self.span
        return {key: value for key, value in (given | changes).items() if value is not None}

    def at(self, window: Window) -> "Place":
        """The same place over another window."""
        return replace(self, window=window, span=None)


def stamp(moment: datetime) -> str:
    """A moment as addresses carry it.

    >>> stamp(datetime(2013, 7, 1, tzinfo=UTC))
    '2013-07-01T00:00:00Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str | None) -> datetime | None:
    """Read an ISO time or date from an address; None where it is absent or malformed. Without a zone it is UTC.

    >>> read_moment("2013-07-01").isoformat(), read_moment("yesterday")
    ('2013-07-01T00:00:00+00:00', None)
    """
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def span_window(span: str, now: datetime, latest: datetime | None) -> Window:
    """The window of a span: whole days before the last midnight, and today so far.

    Where the newest traffic is older than that, the window ends with the traffic instead: a replayed year shows its
    end, not an empty page.

    Args:
        span: one of :data:`SPANS`.
        now: the clock's present moment.
        latest: the end of the newest measured window, or None without traffic.
    """
    end = (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    days = timedelta(days=SPANS[span])
    if latest is not None and latest < _midnight(end) - days:
        end = latest
    return Window(_midnight(end) - days, end)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def read_window(given: Mapping[str, str | None], now: datetime, latest: datetime | None) -> tuple[str | None, Window]:
    """The span (or None) and window an address asks for; what cannot be read falls back to the default span."""
    start, end = read_moment(given.get("start")), read_moment(given.get("end"))
    if start is not None and end is not None and start < end:
        return None, Window(start, end)
    span = given.get("window")
    chosen = span if span in SPANS else DEFAULT_SPAN
    return chosen, span_window(chosen, now, latest)
