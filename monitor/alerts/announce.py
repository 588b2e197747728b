"""Keep what became of an alert, and have it told: a page at once, everything else with the next digest."""

from datetime import datetime, timedelta
from typing import Final

from monitor.alerts.rules import Change
from monitor.alerts.verdict import judged
from monitor.store import Store
from monitor.types import Alert, Channel, Model, Severity

_ALWAYS: Final = (Channel(kind="log", min_severity=Severity.INFO),)
_RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_DAY: Final = timedelta(days=1)


def announce(store: Store, model: Model, change: Change, now: datetime) -> Alert:
    """Store the alert of a change and enqueue what is told of it; belongs in the transaction that judges a window.

    Whether an alert pages is decided when it begins. Its end is told in the same way.

    Args:
        store: where alerts and messages are kept.
        model: whose.
        change: that it fires, or that it is resolved.
        now: when messages are due; the digest's at its next hour.
    """
    alert = judged(store, model, change.alert) if change.event == "firing" else change.alert
    store.alerts.put(alert)
    for channel in channels_of(model, alert):
        if alert.paged:
            store.alerts.enqueue(alert, change.event, channel.kind, channel.target)
        else:
            store.digests.add(alert.id, change.event, channel.kind, channel.target, digest_due(model, now))
    return alert


def channels_of(model: Model, alert: Alert) -> list[Channel]:
    """Where an alert goes: the owner's channels, or the log, so that nothing fires unheard."""
    wanted = model.settings.channels or _ALWAYS
    return [channel for channel in wanted if _RANK[alert.severity] >= _RANK[channel.min_severity]]


def digest_due(model: Model, now: datetime) -> datetime:
    """Return the next moment after now at which a model's digest is sent; now, where it has none.

    >>> from datetime import UTC
    >>> from monitor.types import ModelSchema, Settings, Task
    >>> made = datetime(2013, 5, 1, 12, tzinfo=UTC)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=())
    >>> digest_due(Model(name="m", schema=schema, settings=Settings(), created=made), made).isoformat()
    '2013-05-02T06:00:00+00:00'
    """
    hour = model.settings.digest_hour
    if hour is None:
        return now
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > now else today + _DAY
