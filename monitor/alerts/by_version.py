"""Alerts of one rule, at most one for each version, open for as long as what is measured of a window says so."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from monitor.alerts.rules import QUIET_WINDOWS, Change, closed, unserved
from monitor.charts.format import minute
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Status, Window


def firing(store: Store, model: Model, rule: str) -> dict[str, Alert]:
    """Return the open alerts of a rule by version."""
    found = store.alerts.query(model=model.name, state=AlertState.FIRING)
    return {alert.version: alert for alert in found if alert.rule == rule}


def switched_off(alerts: Mapping[str, Alert], now: datetime) -> list[Change]:
    """Close alerts because the model has no dial any more: then only the owner's rules speak."""
    return [closed(alert, "Closed: the detector is off.", now) for alert in alerts.values()]


def identity(model: Model, rule: str, version: str, window: Window) -> str:
    """Return the id of the alert that a window of a version opens; the same again if it is judged again."""
    parts = [model.name, rule, version, window.start.isoformat()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def reconcile(
    store: Store,
    model: Model,
    window: Window,
    now: datetime,
    *,
    rule: str,
    metric: str,
    opened: Callable[[Measurement], Alert],
    over: Callable[[Measurement], str],
) -> list[Change]:
    """Open an alert for each version of which a window's measurement is a breach, and close those that are over.

    An alert that its owner lets sleep stays as it is until then, and one of a version that has had no traffic for
    `QUIET_WINDOWS` windows is closed. Called again it changes nothing. Without a dial every alert is closed.

    Args:
        store: where measurements and alerts are.
        model: whose.
        window: the window that was measured.
        now: when that is.
        rule: which the alerts name.
        metric: what was measured.
        opened: the alert that a breach opens.
        over: why an open alert is over by a measurement that says something; empty while it is not.
    """
    known = firing(store, model, rule)
    if model.settings.dial is None:
        return switched_off(known, now)
    found = store.measurements.query(model.name, metric=metric, segment=ALL, start=window.start, end=window.end)
    said = {each.version: each for each in found if each.window == window and each.status is not Status.INSUFFICIENT}
    changes = [
        Change("firing", opened(given))
        for version, given in said.items()
        if given.status is Status.BREACH and version not in known
    ]
    serving = _serving(store, model, window) | {each.version for each in found} if known else set()
    for version, alert in known.items():
        given = said.get(version)
        if version not in serving:
            changes.append(closed(alert, unserved(version), now))
        elif alert.snoozed is not None:
            changes += slept(alert, now)
        elif given is not None and (why := over(given)):
            changes.append(closed(alert, why, now))
    return changes


def slept(alert: Alert, now: datetime) -> list[Change]:
    """Return the end of an alert that was let sleep until a moment that has come; nothing while it sleeps.

    How things are has no say in it: while it lasts nobody is told that it is over, and what stays begins a new alert.
    """
    if alert.snoozed is None or now < alert.snoozed:
        return []
    why = f"It slept until {minute(alert.snoozed)} UTC; what stays begins a new alert."
    return [closed(alert, why, now)]


def _serving(store: Store, model: Model, window: Window) -> set[str]:
    """Return the versions that had rows in a window, or in the `QUIET_WINDOWS` before it."""
    start = window.start - QUIET_WINDOWS * window.length
    found = store.measurements.query(model.name, metric="traffic.rows", segment=ALL, start=start, end=window.end)
    return {each.version for each in found if each.value}
