"""The daily digest: one message an address, one line an incident that wakes nobody, what matters most first."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from monitor.alerts.announce import channels_of
from monitor.alerts.text import clean
from monitor.alerts.verdict import ranked
from monitor.charts.format import effect, minute
from monitor.errors import NotFound
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Severity, Window

DIGEST: Final = "digest"
"""The event, and the rule, that the message of a digest names."""

MOST_LINES: Final = 100
"""An address that was dead for weeks does not get a message without end; how many more there are is told."""

_RANK: Final = [Severity.INFO, Severity.WARNING, Severity.CRITICAL]


def gather(store: Store, now: datetime, url: str) -> int:
    """Put the digests together that are due, and enqueue them; return how many.

    A line is noted as told in the transaction that enqueues its digest, so that no restart tells it twice or loses it.
    """
    _follow(store, now)
    made = 0
    for (channel, target), lines in groupby(store.digests.waiting(now), lambda each: (each.channel, each.target)):
        told = {each.alert: None for each in lines}
        alerts = [store.alerts.alert(each) for each in told]
        message = digest(alerts, channel, target, now, url)
        with store.transaction():
            store.digests.compose(message, channel, target, now)
            store.alerts.enqueue(message, DIGEST, channel, target)
        made += 1
    return made


def _follow(store: Store, now: datetime) -> None:
    """Have what is due told where owners want it by now, and not where they did when it began."""
    for each in store.digests.waiting(now):
        alert = store.alerts.alert(each.alert)
        try:
            model = store.catalog.model(alert.model)
        except NotFound:
            continue
        wanted = [(channel.kind, channel.target) for channel in channels_of(model, alert)]
        if (each.channel, each.target) not in wanted:
            store.digests.readdress(each, wanted)


def digest(alerts: Sequence[Alert], channel: str, target: str, now: datetime, url: str) -> Alert:
    """Return the message that tells of alerts at one address.

    Args:
        alerts: as they stand now; of several models perhaps.
        channel: how it goes.
        target: where to.
        now: when it is put together.
        url: where the dashboard is.
    """
    models = sorted({alert.model for alert in alerts})
    number = f"{len(alerts):,} incident{'s' * (len(alerts) > 1)} that wake{'s' * (len(alerts) == 1)} nobody"
    lines: list[str] = ["What matters most to a model comes first. None is known to do harm."]
    for model in models:
        own = ranked([alert for alert in alerts if alert.model == model])
        lines += ["", f"{clean(model)}: {len(own):,}", *(line(each, at) for at, each in enumerate(own[:MOST_LINES], 1))]
        lines += [f"… and {len(own) - MOST_LINES:,} more."] if len(own) > MOST_LINES else []
    here = f"{url.rstrip('/')}/alerts"
    return Alert(
        id=_id(channel, target, now),
        model=models[0] if len(models) == 1 else "",
        version="",
        rule=DIGEST,
        severity=max((alert.severity for alert in alerts), key=_RANK.index),
        state=AlertState.FIRING,
        metric=DIGEST,
        feature=None,
        segment=ALL,
        title=number if len(models) == 1 else f"{number}, of {len(models):,} models",
        body="\n".join([*lines, "", here]),
        link=here,
        value=float(len(alerts)),
        threshold=0.0,
        window=Window(min(alert.since for alert in alerts), now),
        since=min(alert.since for alert in alerts),
        updated=now,
        owner=next((alert.owner for alert in alerts if alert.owner), ""),
        paged=False,
        incidents=tuple(alert.id for alert in alerts),
    )


def line(alert: Alert, place: int) -> str:
    """Return the line of a digest that tells of one alert."""
    over = f"; over since {minute(alert.resolved)}" if alert.resolved is not None else ""
    impact = "" if alert.impact is None else f"; impact {effect(alert.impact)}"
    since = f"since {minute(alert.since)}{over} UTC"
    return f"{place}. {clean(alert.title, 200)} (version {alert.version}, {since}{impact})"


def _id(channel: str, target: str, now: datetime) -> str:
    parts = [DIGEST, channel, target, now.isoformat()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
