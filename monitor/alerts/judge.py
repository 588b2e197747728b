"""Judging a window: read its measurements and their history, evaluate the rules, keep and enqueue what changed."""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from monitor.alerts.announce import announce
from monitor.alerts.attribution import ATTRIBUTION, reconcile_attribution
from monitor.alerts.incidents import DETECTOR, reconcile
from monitor.alerts.loss import HARM, reconcile_harm
from monitor.alerts.rules import QUIET_WINDOWS, evaluate, rules_of
from monitor.alerts.segment import SEGMENT, reconcile_segments
from monitor.alerts.silence import SILENCE, reconcile_silence
from monitor.alerts.unlabelled import ESTIMATE, reconcile_estimate
from monitor.clock import EPOCH
from monitor.store import Store
from monitor.types import AlertState, Measurement, Model, Window


class Course(StrEnum):
    """When a window is judged by what rules are about; the value is the name of the mark of how far a model has been.

    Each course goes on by itself: what waits for labels or for a slow model keeps nothing else waiting.
    """

    CLOSED = "alerts"
    LABELLED = "alerts.late"
    EXPLAINED = "alerts.explained"


_COURSES: Final = {"performance.": Course.LABELLED, "attribution.": Course.EXPLAINED}
"""By how a metric begins: what waits for labels, and what waits for explained rows."""

RECONCILED: Final = (DETECTOR, HARM, ESTIMATE, SEGMENT, ATTRIBUTION, SILENCE)
"""The rules that alerts of detectors name: what is measured opens and closes them, and owners may let them sleep."""

_RECONCILERS: Final = {
    Course.CLOSED: (reconcile, reconcile_silence, reconcile_estimate),
    Course.LABELLED: (reconcile_harm, reconcile_segments),
    Course.EXPLAINED: (reconcile_attribution,),
}
_log = logging.getLogger(__name__)


def course_of(metric: str) -> Course:
    """Return when a metric is judged.

    >>> course_of("attribution.ndcg").value, course_of("drift.*").value
    ('alerts.explained', 'alerts')
    """
    return next((course for begins, course in _COURSES.items() if metric.startswith(begins)), Course.CLOSED)


def judge(store: Store, model: Model, window: Window, now: datetime, base_url: str, course: Course) -> Counter[str]:
    """Judge one window by the rules and detectors of one course; once, in one transaction.

    Returns:
        How many changes of each event there were.
    """
    open_alerts = [
        alert
        for alert in store.alerts.query(model=model.name, state=AlertState.FIRING)
        if course_of(alert.metric) is course and alert.rule not in RECONCILED
    ]
    changes = evaluate(model, _history(store, model, window, course), open_alerts, now, base_url)
    with store.transaction():
        for own in _RECONCILERS[course]:
            changes = [*changes, *own(store, model, window, now, base_url)]
        for change in changes:
            if change.event in ("firing", "resolved"):
                announce(store, model, change, now)
            else:
                _log.debug("%s: %s of model %s", change.event, change.alert.title, model.name)
        store.measurements.set_watermark(course, model.name, window.end)
    return Counter(change.event for change in changes)


def _history(store: Store, model: Model, window: Window, course: Course) -> Mapping[Window, list[Measurement]]:
    """Return the window's measurements that a rule is about, and those of enough windows before it.

    Windows of another length, or off the model's grid (a job run by hand), are not part of the history.
    """
    rules = [rule for rule in rules_of(model) if course_of(rule.metric) is course]
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
