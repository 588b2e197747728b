"""From what detectors found to incidents: one alert each, open for as long as the detector holds it open."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from monitor.alerts.link import link
from monitor.alerts.rules import QUIET_WINDOWS, Change, closed, unserved
from monitor.alerts.said import sentence, together
from monitor.alerts.text import clean
from monitor.charts.format import minute, span, times
from monitor.detection import Incident, State, rebaseline
from monitor.profile.comoments import JOINT
from monitor.store import Store
from monitor.store.detections import Snapshot
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Window

DETECTOR: Final = "detector"
"""The rule that an alert of the detector names."""

METRIC: Final = "detection.evidence"

_SHOWN = 8
_NEXT = {
    "fault": "Ask whoever feeds these columns whether a source stopped, or a unit, a join or a name changed.",
    "drift": "Compare the distributions, and see whether accuracy has followed. Re-baseline if this is the new normal.",
    "joint": "Columns no longer go together as they did: look for rows that were joined or copied wrongly upstream.",
}


def incident_id(model: str, version: str, opened: datetime) -> str:
    """Return the id of the alert of an incident; the same whenever it is computed."""
    parts = [model, DETECTOR, version, opened.isoformat()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def alert_of(
    model: Model, version: str, incident: Incident, found: Sequence[Measurement], now: datetime, url: str
) -> Alert:
    """Return the alert of an incident in plain words.

    Args:
        model: whose.
        version: of the model.
        incident: what the detector found.
        found: the version's ``detection.*`` measurements of the window that opened it.
        now: written into the alert.
        url: where the dashboard is.
    """
    whole = next((given for given in found if given.metric == METRIC and given.feature is None), None)
    columns = columns_of(incident)
    first = columns[0] if columns else None
    lead = next((given for given in found if given.metric == METRIC and given.feature == first), whole)
    sentences = [sentence(model, column, found) for column in columns[:_SHOWN]]
    if JOINT in incident.columns:
        sentences.append(together(model, found))
    window = whole.window if whole is not None else Window(incident.opened, incident.opened + length(model))
    here = link(url, model.name, lead) if lead is not None else url
    details = whole.details if whole is not None else {}
    evidence, calibrated = details.get("evidence"), bool(details.get("calibrated"))
    told = float(evidence) if isinstance(evidence, int | float) else 1.0
    about = _about(model, version, incident, window, told, calibrated, whole.rows if whole is not None else 0)
    return Alert(
        id=incident_id(model.name, version, incident.opened),
        model=model.name,
        version=version,
        rule=DETECTOR,
        severity=Severity.CRITICAL if incident.kind == "fault" else Severity.WARNING,
        state=AlertState.FIRING,
        metric=METRIC,
        feature=first,
        segment=ALL,
        title=_title(incident, sentences),
        body="\n".join([*_lines(columns, sentences), *about, here]),
        link=here,
        value=round(max(told, 1.0), 2),
        threshold=1.0,
        window=window,
        since=incident.opened,
        updated=now,
        owner=model.settings.owner,
        columns=columns,
        calibrated=calibrated,
    )


def columns_of(incident: Incident) -> tuple[str, ...]:
    """Return the columns that an incident is about; how they go together is none."""
    return tuple(dict.fromkeys(column for column in incident.columns if column != JOINT))


def _title(incident: Incident, sentences: Sequence[str]) -> str:
    more = max(0, len(columns_of(incident)) - 1)
    return sentences[0] + (f"; and {more} more column{'s' * (more > 1)}" if more else "")


def _lines(columns: Sequence[str], sentences: Sequence[str]) -> list[str]:
    lines = [f"{place}. {said}." for place, said in enumerate(sentences, 1)] if len(sentences) > 1 else []
    more = len(columns[_SHOWN:])
    return lines + [f"… and {more} more columns."] * bool(more)


def _about(
    model: Model, version: str, incident: Incident, window: Window, evidence: float, calibrated: bool, rows: int
) -> list[str]:
    held = (
        "Calibrated: false alarms are held to the dial."
        if calibrated
        else "Uncalibrated: the reference has fewer than 30 windows, so that false alarms are not held to the dial."
    )
    strength = (
        "A hard fault: told in the first window."
        if incident.kind == "fault"
        else f"Evidence is {times(evidence)} times what raises an alarm at dial {model.settings.dial:g} "
        "(false alarms in 90 windows)."
    )
    when = span(window.start, window.end)
    return [
        f"{strength} {held}",
        f"Model {clean(model.title)}, version {version}, all traffic, {when} (UTC), {rows:,} rows.",
        f"Since {minute(incident.opened)} UTC.",
        f"Next: {_NEXT[incident.kind]}",
    ]


def reconcile(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Bring the alerts of a model's detectors to what these remember at the end of a window, and return the changes.

    An incident without an alert opens one, an alert whose incident is over is resolved, and columns that joined an
    incident are added to its alert. Called again it changes nothing. To be called within a transaction: a version that
    no longer serves has its incidents closed in what is remembered too.
    """
    firing = {
        alert.id: alert
        for alert in store.alerts.query(model=model.name, state=AlertState.FIRING)
        if alert.rule == DETECTOR
    }
    changes: list[Change] = []
    held: set[str] = set()
    snapshots = store.detections.latest(model.name, window.end) if model.settings.dial is not None else []
    for snapshot in snapshots:
        if snapshot.until < window.end - QUIET_WINDOWS * window.length and snapshot.state["open"]:
            _quiet(store, model, snapshot)
            continue
        for incident in State.from_json(snapshot.state).open:
            name = incident_id(model.name, snapshot.version, incident.opened)
            held.add(name)
            alert = firing.get(name)
            if alert is None:
                found = _measured(store, model, snapshot.version, incident.opened)
                changes.append(Change("firing", alert_of(model, snapshot.version, incident, found, now, url)))
            elif alert.columns != columns_of(incident):
                start = snapshot.until - length(model)
                found = _measured(store, model, snapshot.version, start)
                store.alerts.put(joined(model, alert, incident, found, start, now))
    for name, alert in firing.items():
        if name not in held:
            changes.append(closed(alert, _why_over(store, alert, snapshots, window), now))
    return changes


def _measured(store: Store, model: Model, version: str, start: datetime) -> list[Measurement]:
    end = start + length(model)
    found = store.measurements.query(
        model.name, metric="detection.*", segment=ALL, version=version, start=start, end=end
    )
    return [given for given in found if given.window.end == end]


def joined(
    model: Model, alert: Alert, incident: Incident, found: Sequence[Measurement], start: datetime, now: datetime
) -> Alert:
    """Return an alert with the columns that joined its incident in the window that began at a moment."""
    columns = columns_of(incident)
    fresh = [sentence(model, column, found) for column in columns if column not in alert.columns]
    body, newline, here = alert.body.rpartition("\n")
    lines = [f"Also, since {minute(start)} UTC: {said}." for said in fresh]
    return replace(alert, columns=columns, updated=now, body="\n".join([body, *lines]) + newline + here)


def length(model: Model) -> timedelta:
    """How long a window of a model is."""
    return timedelta(hours=model.settings.window_hours)


def _quiet(store: Store, model: Model, snapshot: Snapshot) -> None:
    """Forget the incidents of a version that no longer has traffic."""
    state = rebaseline(State.from_json(snapshot.state))
    store.detections.put(model.name, replace(snapshot, state=state.to_json()))


def _why_over(store: Store, alert: Alert, snapshots: Sequence[Snapshot], window: Window) -> str:
    own = next((each for each in snapshots if each.version == alert.version), None)
    if own is None:
        return "Closed: the detector is off, or this version's history was forgotten."
    if own.until < window.end - QUIET_WINDOWS * window.length:
        return unserved(alert.version)
    before = store.detections.latest(alert.model, own.until - window.length)
    last = next((each for each in before if each.version == alert.version), own)
    if last.basis != own.basis:
        return "Closed: its columns are compared with another reference now; a change that stays begins a new incident."
    for incident in State.from_json(last.state).open:
        if incident.snoozed and incident_id(alert.model, last.version, incident.opened) == alert.id:
            return f"It slept until {minute(incident.snoozed)} UTC; a change that stays begins a new incident."
    return f"Back to normal: its columns were calm, up to {minute(window.end)} UTC."
