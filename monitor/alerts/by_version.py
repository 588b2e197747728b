"""Alerts of one rule, at most one for each version, open for as long as what is measured of a window says so."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from monitor.alerts.rules import Change, closed
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

    Called again it changes nothing. Without a dial every alert of the rule is closed.

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
    changes = []
    for given in store.measurements.query(model.name, metric=metric, segment=ALL, start=window.start, end=window.end):
        alert = known.get(given.version)
        if given.window != window or given.status is Status.INSUFFICIENT:
            continue
        if given.status is Status.BREACH and alert is None:
            changes.append(Change("firing", opened(given)))
        elif alert is not None and (why := over(given)):
            changes.append(closed(alert, why, now))
    return changes
