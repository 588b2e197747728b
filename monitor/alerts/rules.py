"""From measurements to incidents: a pure state machine, pending → firing → resolved.

A reading that breaches is pending until ``windows`` readings in a row have breached; then one incident is opened, and
stays open (sticky, spoken of once) until as many readings in a row were clear. Windows with too few rows neither
breach nor clear. One cause is one incident: while a column is faulty (a critical quality incident is open), its drift
is not reported apart, and two drift measures of one column do not make two incidents.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from monitor.alerts.link import link
from monitor.alerts.readings import Key, Reading, check_rule, histories
from monitor.alerts.text import body, resolution, title
from monitor.errors import InvalidInput
from monitor.types import Alert, AlertState, Kind, Measurement, Model, ModelSchema, Rule, Severity, Window

QUIET_WINDOWS: Final = 3
"""An incident closes only after this many clear readings (or the rule's ``windows``, if more), so that a value
that swings about its bound is one incident, not one a day."""

_SILENT: Final = frozenset({Kind.ID, Kind.IMAGE, Kind.TIMESTAMP})
_WAS: Final = "\n\nIt was:\n"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one incident. Only ``firing`` and ``resolved`` are stored and delivered."""

    event: Literal["pending", "firing", "suppressed", "resolved"]
    alert: Alert


def default_rules(schema: ModelSchema) -> tuple[Rule, ...]:
    """Return the rules a model has beside the detector until its owner writes others.

    The detector speaks of drift and of hard faults. It does not look at columns whose values mean nothing (ids, times,
    images): that they are missing or of another type is a fault too, and told here.

    >>> from monitor.types import Feature, Task
    >>> of = ModelSchema(model="m", task=Task.BINARY, features=(Feature(name="key", kind=Kind.ID),))
    >>> [(rule.name, rule.feature, rule.metric) for rule in default_rules(of)]
    [('missing', 'key', 'quality.null_share'), ('retyped', 'key', 'quality.retyped_share')]
    """
    silent = [feature.name for feature in schema.features if feature.kind in _SILENT]
    faults = (("missing", "quality.null_share"), ("retyped", "quality.retyped_share"))
    return tuple(
        Rule(name=name, metric=metric, feature=feature, severity=Severity.CRITICAL)
        for feature in silent
        for name, metric in faults
    )


def plain_rules() -> tuple[Rule, ...]:
    """Return rules that hold every column to what the reference's windows stay under, without a promise.

    For owners who want thresholds a measure instead of the detector. Hard faults of a column (missing, never seen, out
    of range, not a number, of another type) fire at once and are critical; drift of the score or of a column fires
    after two windows in a row and is a warning. False alarms are as many as they are.

    >>> [rule.name for rule in plain_rules()]
    ['data-fault', 'score-drift', 'drift', 'category-drift']
    """
    return (
        Rule(name="data-fault", metric="quality.*", severity=Severity.CRITICAL),
        Rule(name="score-drift", metric="drift.wasserstein", feature="_score", windows=2),
        Rule(name="drift", metric="drift.wasserstein", windows=2),
        Rule(name="category-drift", metric="drift.jensen_shannon", windows=2),
    )


def rules_of(model: Model) -> list[Rule]:
    """Return the model's own rules, or the default ones; a malformed rule is logged and stops no other."""
    usable = []
    for rule in default_rules(model.schema) if model.settings.rules is None else model.settings.rules:
        try:
            check_rule(rule)
        except InvalidInput as error:
            _log.error("model %s: %s; this rule is not evaluated", model.name, error)
        else:
            usable.append(rule)
    return usable


def evaluate(
    model: Model,
    measurements_by_window: Mapping[Window, Sequence[Measurement]],
    open_alerts: Sequence[Alert],
    now: datetime,
    base_url: str,
) -> list[Change]:
    """Return what the latest of the given windows changes; the windows before it are its history.

    Pure: the same arguments give the same changes, in a fixed order. Called again for the same window with the
    alerts it made, it changes nothing.

    Args:
        model: whose rules hold.
        measurements_by_window: the window to evaluate, and those before it.
        open_alerts: the model's firing alerts.
        now: written into what changes.
        base_url: where the dashboard is, for the links.
    """
    if not measurements_by_window:
        return []
    latest = max(measurements_by_window, key=lambda each: each.start)
    rules = rules_of(model)
    open_by_key = {Key(each.rule, each.feature, each.segment, each.version): each for each in open_alerts}
    resolved = _orphans(rules, open_alerts, measurements_by_window, now)
    rising: list[tuple[Rule, Key, Reading, Window, bool]] = []
    for rule in rules:
        for key, history in histories(rule, measurements_by_window).items():
            if history[-1][0] != latest:
                continue
            run = _run(history)
            if key in open_by_key:
                if not history[-1][1].breach and run >= max(rule.windows, QUIET_WINDOWS):
                    resolved.append(closed(open_by_key[key], resolution(model, history[-1][1].measurement), now))
            elif history[-1][1].breach:
                since = history[-min(run, rule.windows)][0]
                rising.append((rule, key, history[-1][1], since, run >= rule.windows))
    return resolved + _raise(model, rising, open_alerts, now, base_url)


def _run(history: Sequence[tuple[Window, Reading]]) -> int:
    """How many readings at the end agree with the last one."""
    last = history[-1][1].breach
    length = 0
    for _, seen in reversed(history):
        if seen.breach != last:
            break
        length += 1
    return length


def _raise(
    model: Model,
    rising: Sequence[tuple[Rule, Key, Reading, Window, bool]],
    open_alerts: Sequence[Alert],
    now: datetime,
    base_url: str,
) -> list[Change]:
    """Open the incidents that are due, the graver first, and hold back those another incident already tells of."""
    told = [(each.metric, each.severity, _place(each)) for each in open_alerts]
    drifting = {_place(seen.measurement) for rule, _, seen, _, _ in rising if _calibrated_drift(rule)}
    changes = []
    for rule, key, seen, since, due in sorted(rising, key=lambda each: each[0].severity is not Severity.CRITICAL):
        place = _place(seen.measurement)
        alert = _alert(model, rule, key, seen, since, now, base_url, drifts=place in drifting)
        if not due:
            changes.append(Change("pending", replace(alert, state=AlertState.PENDING)))
        elif _calibrated_drift(rule) and any(
            where == place and (what.startswith("drift.") or (what.startswith("quality.") and how is Severity.CRITICAL))
            for what, how, where in told
        ):
            changes.append(Change("suppressed", alert))
        else:
            told.append((alert.metric, alert.severity, place))
            changes.append(Change("firing", alert))
    return changes


def _calibrated_drift(rule: Rule) -> bool:
    """Whether a rule is one of ours about drift; a bound the owner wrote down is never held back."""
    return rule.threshold is None and rule.metric.startswith("drift.")


def _place(thing: Alert | Measurement) -> tuple[str | None, str, str]:
    return (thing.feature, thing.segment, thing.version)


def _alert(
    model: Model, rule: Rule, key: Key, seen: Reading, since: Window, now: datetime, base_url: str, *, drifts: bool
) -> Alert:
    given = seen.measurement
    parts = (model.name, key.rule, key.feature or "", key.segment, key.version, since.start.isoformat())
    here = link(base_url, model.name, given)
    return Alert(
        id=hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16],
        model=model.name,
        version=key.version,
        rule=rule.name,
        severity=rule.severity,
        state=AlertState.FIRING,
        metric=given.metric,
        feature=key.feature,
        segment=key.segment,
        title=title(model, given, seen.threshold, rule.op),
        body=body(model, given, seen.threshold, rule, since=since.start, link=here, drifts=drifts),
        link=here,
        value=given.value or 0.0,
        threshold=seen.threshold,
        window=given.window,
        since=since.start,
        updated=now,
        owner=model.settings.owner,
    )


def closed(alert: Alert, why: str, now: datetime) -> Change:
    """Return the end of an incident, and why it is over."""
    over = replace(alert, state=AlertState.RESOLVED, resolved=now, updated=now, body=f"{why}{_WAS}{alert.body}")
    return Change("resolved", over)


def unserved(version: str) -> str:
    """Return why an alert of a version is over that has had no row for more than `QUIET_WINDOWS` windows.

    Nothing will tell whether it lasts, and nobody meets it.
    """
    return f"Closed: version {version} has had no traffic since."


def as_fired(alert: Alert) -> Alert:
    """Return an alert as it was before it was resolved, for a message about its firing that was held up."""
    body = alert.body.partition(_WAS)[2] or alert.body
    return replace(alert, state=AlertState.FIRING, resolved=None, body=body)


def _orphans(
    rules: Sequence[Rule],
    open_alerts: Sequence[Alert],
    by_window: Mapping[Window, Sequence[Measurement]],
    now: datetime,
) -> list[Change]:
    """Close what no reading can close any more: incidents of rules removed and of versions that no longer serve."""
    names = {rule.name for rule in rules}
    serving = {given.version for window in by_window.values() for given in window}
    changes = []
    for alert in open_alerts:
        if alert.rule not in names:
            changes.append(closed(alert, "Closed: the rule was removed.", now))
        elif len(by_window) > QUIET_WINDOWS and serving and alert.version not in serving:
            changes.append(closed(alert, unserved(alert.version), now))
    return changes
