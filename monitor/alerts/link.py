"""Where in the dashboard a measurement is shown."""

from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from monitor.types import ALL, Measurement


def moment(time: datetime) -> str:
    """A moment as links carry it.

    >>> moment(datetime(2013, 7, 1, tzinfo=UTC))
    '2013-07-01T00:00:00Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def link(base_url: str, model: str, given: Measurement) -> str:
    """Return the address of the view that shows a measurement: its feature, or its model where it has none."""
    query = {"model": model, "version": given.version}
    if given.segment != ALL:
        query["segment"] = given.segment
    if given.feature is not None:
        query = {"model": model, "feature": given.feature, **query}
    query |= {"start": moment(given.window.start), "end": moment(given.window.end)}
    return f"{base_url.rstrip('/')}/{'model' if given.feature is None else 'feature'}?{urlencode(query)}"


def alert_link(shown: str, alert: str) -> str:
    """Return the address of an alert, from that of what it is about.

    >>> alert_link("https://host/wg/feature?model=m&feature=x", "a1b2")
    'https://host/wg/alerts?alert=a1b2'
    """
    parts = urlsplit(shown)
    below = parts.path.rpartition("/")[0]
    return parts._replace(path=f"{below}/alerts", query=urlencode({"alert": alert}), fragment="").geturl()
