"""Judging a window: read its measurements and their history, evaluate the rules, keep and enqueue what changed."""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from monitor.alerts.announce import announce
from monitor.alerts.incidents import DETECTOR, reconcile
from monitor.alerts.loss import HARM, reconcile_harm
from monitor.alerts.rules import QUIET_WINDOWS, evaluate, rules_of
from monitor.alerts.segment import SEGMENT, reconcile_segments
from monitor.alerts.unlabelled import ESTIMATE, reconcile_estimate
from monitor.clock import EPOCH
from monitor.store import Store
from monitor.types import AlertState, Measurement, Model, Window

LATE: Final = "performance."
"""Metrics that begin so wait for labels, and are judged when a window's labels are in."""

_RECONCILED: Final = (DETECTOR, HARM, ESTIMATE, SEGMENT)
_log = logging.getLogger(__name__)


def watermark_name(*, late: bool) -> str:
    """Under which name it is kept how far a model has been judged."""
    return "alerts.late" if late else "alerts"


def judge(store: Store, model: Model, window: Window, now: datetime, base_url: str, *, late: bool) -> Counter[str]:
    """Judge one window by the rules about late metrics, or by the others and the detector; once, in one transaction.

    Returns:
        How many changes of each event there were.
    """
    open_alerts = [
        alert
        for alert in store.alerts.query(model=model.name, state=AlertState.FIRING)
        if alert.metric.startswith(LATE) == late and alert.rule not in _RECONCILED
    ]
    changes = evaluate(model, _history(store, model, window, late=late), open_alerts, now, base_url)
    with store.transaction():
        for own in (reconcile_harm, reconcile_segments) if late else (reconcile, reconcile_estimate):
            changes = [*changes, *own(store, model, window, now, base_url)]
        for change in changes:
            if change.event in ("firing", "resolved"):
                announce(store, model, change, now)
            else:
                _log.debug("%s: %s of model %s", change.event, change.alert.title, model.name)
        store.measurements.set_watermark(watermark_name(late=late), model.name, window.end)
    return Counter(change.event for change in changes)


def _history(store: Store, model: Model, window: Window, *, late: bool) -> Mapping[Window, list[Measurement]]:
    """Return the window's measurements that a rule is about, and those of enough windows before it.

    Windows of another length, or off the model's grid (a job run by hand), are not part of the history.
    """
    rules = [rule for rule in rules_of(model) if rule.metric.startswith(LATE) == late]
    depth = 4 * max([QUIET_WINDOWS, *(rule.windows for rule in rules)])
    start = window.end - min(depth, (window.end - EPOCH) // window.length) * window.length
    found: dict[Window, list[Measurement]] = {window: []}
    for metric, segment in sorted({(rule.metric, rule.segment) for rule in rules}):
        for given in store.measurements.query(model.name, metric=metric, segment=segment, start=start, end=window.end):
            if given.window.end <= window.end and _on_grid(given.window, window):
                found.setdefault(given.window, []).append(given)
    return found


def _on_grid(one: Window, other: Window) -> bool:
    return one.length == other.length and (other.start - one.start) % other.length == timedelta(0)
