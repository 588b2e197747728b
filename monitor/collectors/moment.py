"""Times as servers write them."""

from datetime import UTC, datetime


def moment(text: object) -> datetime | None:
    """Return an ISO 8601 or RFC 3339 time in UTC (taken as UTC without a zone); None where none can be read.

    >>> moment("2026-11-21T20:40:28.725081123+01:00")
    datetime.datetime(2026, 11, 21, 19, 40, 28, 725081, tzinfo=datetime.timezone.utc)
    >>> moment("2026-13-45") is moment(None) is None
    True
    """
    try:
        found = datetime.fromisoformat(text if isinstance(text, str) else "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
