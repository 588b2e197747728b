"""What a model goes by has changed, as an alert: a line of the digest, or of the incident that is open already."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from monitor.alerts.by_version import slept
from monitor.alerts.incidents import DETECTOR
from monitor.alerts.link import moment
from monitor.alerts.rules import QUIET_WINDOWS, Change, closed, unserved
from monitor.alerts.text import clean, subject
from monitor.charts.format import minute, span
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Status, Window

ATTRIBUTION: Final = "change of attribution"
"""The rule that an alert about what a model goes by names; no owner's rule can be called so."""

CHANGE, METRIC = "attribution.change", "attribution.ndcg"

IN_A_ROW: Final = 3
"""It is told after so many windows in a row: one is beyond what is usual once in a hundred, by chance alone.

So the dial is hardly touched: simulated days that depend on each other (autocorrelation ½) gave three in a row once in
150 times 90 windows.
"""

_SHOWN, _COLUMNS = 3, 8
_ALSO: Final = "Also, what it goes by has changed"


def reconcile_attribution(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Open an alert for each version that has come to go by other inputs, and close those that are over.

    While a detector's incident of the version is open, it is one more sentence of that: one change is told once. It is
    over after `QUIET_WINDOWS` windows in a row in which what it goes by was as in the reference, or without traffic.
    Called again it changes nothing.
    """
    firing = store.alerts.query(model=model.name, state=AlertState.FIRING)
    own = {alert.version: alert for alert in firing if alert.rule == ATTRIBUTION}
    if model.settings.dial is None:
        return [closed(alert, "Closed: the detector is off.", now) for alert in own.values()]
    told = {alert.version: alert for alert in firing if alert.rule == DETECTOR}
    start = window.end - (QUIET_WINDOWS + 1) * window.length
    rankings = _by_version(store, model, METRIC, Window(start, window.end))
    changes = []
    for version, found in rankings.items():
        alert, last = own.get(version), [given.status for given in found[-QUIET_WINDOWS:]]
        if alert is not None and alert.snoozed is not None:
            changes += slept(alert, now)
        elif alert is not None:
            if len(last) == QUIET_WINDOWS and set(last) == {Status.OK}:
                why = f"Back to normal: it goes by what it did, up to {minute(window.end)} UTC."
                changes.append(closed(alert, why, now))
        elif found[-1].window == window and last[-IN_A_ROW:] == [Status.BREACH] * IN_A_ROW:
            inputs = _by_version(store, model, CHANGE, window).get(version, [])
            if version not in told:
                changes.append(Change("firing", _alert(model, found, inputs, now, url)))
            elif _ALSO not in told[version].body:
                store.alerts.put(_joined(told[version], _said(model, inputs), now))
    gone = [alert for version, alert in own.items() if version not in rankings]
    return changes + [closed(alert, unserved(alert.version), now) for alert in gone]


def _by_version(store: Store, model: Model, metric: str, within: Window) -> dict[str, list[Measurement]]:
    """Return what was measured of the model's own windows, in order of time; not of others, by hand."""
    length = timedelta(hours=model.settings.window_hours)
    found: dict[str, list[Measurement]] = {}
    given = store.measurements.query(model.name, metric=metric, segment=ALL, start=within.start, end=within.end)
    for each in sorted(given, key=lambda each: each.window.start):
        if each.window.length == length and (within.end - each.window.end) % length == timedelta(0):
            found.setdefault(each.version, []).append(each)
    return found


def _said(model: Model, inputs: Sequence[Measurement]) -> str:
    """Say which inputs matter clearly more or less, the greatest change first; empty where none does."""
    clear = sorted((each for each in inputs if each.status is Status.BREACH), key=lambda each: -abs(each.value or 0.0))
    parts = []
    for word, sign in (("more", 1), ("less", -1)):
        names = [subject(model, each.feature) for each in clear if (each.value or 0.0) * sign > 0]
        more = f" and {len(names) - _SHOWN} others" * (len(names) > _SHOWN)
        parts += [f"{word} by {', '.join(names[:_SHOWN])}{more}"] if names else []
    return ", ".join(parts)


def _joined(alert: Alert, said: str, now: datetime) -> Alert:
    """Return an open incident's alert that tells of it too, before its link."""
    body, newline, here = alert.body.rpartition("\n")
    return replace(alert, updated=now, body=f"{body}\n{_ALSO}{f': {said}' if said else ''}.{newline}{here}")


def _alert(model: Model, found: Sequence[Measurement], inputs: Sequence[Measurement], now: datetime, url: str) -> Alert:
    given, since = found[-1], found[-IN_A_ROW].window.start
    said = _said(model, inputs)
    query = {"model": model.name, "version": given.version}
    query |= {"start": moment(given.window.start), "end": moment(given.window.end)}
    here = f"{url.rstrip('/')}/importance?{urlencode(query)}"
    when = span(given.window.start, given.window.end)
    value, least = given.value or 0.0, given.threshold or 0.0
    lines = [
        f"The rankings of inputs agree by {value:.2f} of 1; {least:.2f} is the least that is usual.",
        f"Model {clean(model.title)}, version {given.version}, {when} (UTC), {given.rows:,} rows explained.",
        f"Since {minute(since)} UTC, {IN_A_ROW} windows in a row.",
        "Next: see what changed in these inputs or in how they are made; accuracy may follow.",
        here,
    ]
    clear = sorted((each for each in inputs if each.status is Status.BREACH), key=lambda each: -abs(each.value or 0.0))
    parts = [model.name, ATTRIBUTION, given.version, since.isoformat()]
    return Alert(
        id=hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16],
        model=model.name,
        version=given.version,
        rule=ATTRIBUTION,
        severity=Severity.WARNING,
        state=AlertState.FIRING,
        metric=METRIC,
        feature=None,
        segment=ALL,
        title=f"It goes {said} than in the reference" if said else "What matters most to it has changed",
        body="\n".join(lines),
        link=here,
        value=round(value, 3),
        threshold=round(least, 3),
        window=given.window,
        since=since,
        updated=now,
        owner=model.settings.owner,
        columns=tuple(str(each.feature) for each in clear[:_COLUMNS]),
    )
