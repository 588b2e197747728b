"""The detector's side of the dashboard: an incident's evidence, what a dial would have raised, and what owners do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import streamlit as st

from app.data.names import EVIDENCE, column
from app.runtime import runtime
from monitor.alerts import actions
from monitor.alerts.judge import Course
from monitor.errors import Conflict
from monitor.jobs.history import try_dials
from monitor.store.notes import Note
from monitor.types import ALL, Alert, AlertState, Event, Measurement, Model

DIALS = (0.5, 1.0, 3.0, 7.0)
"""What the owner chooses from; any other number may be set over the API."""

LINES = 4
_AROUND = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Tried:
    """What one setting of the dial would have raised."""

    dial: float
    days: float
    calibrated: bool
    alerts: tuple[Alert, ...]


def evidence(model: Model, alert: Alert) -> dict[str, list[Measurement]]:
    """Return the evidence of an incident's columns around it, by their titles; at most four columns."""
    start, end = alert.since - _AROUND, (alert.resolved or alert.since) + _AROUND
    found: dict[str, list[Measurement]] = {}
    for name in alert.columns[:LINES]:
        given = runtime().store.measurements.query(
            model.name, metric=EVIDENCE, feature=name, version=alert.version, segment=ALL, start=start, end=end
        )
        if given:
            found[column(model.schema, name).label] = given
    return found


def events(model: Model, start: datetime, end: datetime) -> list[Event]:
    """Return the events of the owner's calendar that meet a span."""
    return [each for each in model.settings.calendar if each.first < end.date() and start.date() < each.until]


@st.cache_data(ttl=300, max_entries=32, show_spinner="Playing the last 90 days at each setting")
def tried(name: str, mark: str) -> tuple[Tried, ...] | str:
    """Return what each setting of the dial would have raised in the last 90 days, or why that is not known.

    Args:
        name: the model.
        mark: changes when a window is judged, a reference is registered or a calendar is changed.
    """
    del mark
    running = runtime()
    model = running.store.catalog.model(name)
    until = running.store.measurements.watermark(Course.CLOSED, name)
    if until is None:
        return "No window has been judged yet."
    try:
        found = try_dials(running.scheduler.context, model, sorted({*DIALS, model.settings.dial or 1.0}), until)
    except Conflict as error:
        return str(error)
    return tuple(Tried(dial, trial.days, bool(trial.calibrated), trial.alerts) for dial, trial in found.items())


def mark(model: Model) -> str:
    """Return what changes whenever a trial would come out otherwise."""
    store = runtime().store
    until = store.measurements.watermark(Course.CLOSED, model.name)
    versions = [(version.version, version.reference) for version in store.catalog.versions(model.name)]
    return f"{until} {versions} {model.settings.calendar} {store.profiles.references_replaced(model.name)}"


def save_dial(name: str, dial: float) -> None:
    """Set the dial of a model; other settings stay."""
    catalog = runtime().store.catalog
    model = catalog.model(name)
    catalog.put_model(replace(model, settings=replace(model.settings, dial=dial)))


def incident_of(model: str, feature: str, version: str | None) -> Alert | None:
    """Return the open incident that a column is part of, the newest of several; of one version or of any."""
    found = runtime().store.alerts.query(model=model, state=AlertState.FIRING)
    own = [alert for alert in found if feature in (alert.feature, *alert.columns) and version in (None, alert.version)]
    return max(own, key=lambda alert: alert.since, default=None)


def history(alert: str) -> Sequence[Note]:
    """Return what was done about an alert."""
    return runtime().store.notes.of(alert)


def snooze(alert: Alert, days: int) -> None:
    """Let an alert sleep for some days.

    Raises:
        Conflict: it is over, no longer held open, or of a rule.
    """
    running = runtime()
    now = running.clock.now()
    with running.scheduler.alone():
        actions.snooze(running.store, alert, now + timedelta(days=days), now, "dashboard")


def rebaseline(alert: Alert) -> None:
    """Take the traffic since an incident began for normal.

    Raises:
        Conflict: it is over, or no longer held open.
    """
    running = runtime()
    with running.scheduler.alone():
        actions.rebaseline(running.store, alert, running.clock.now(), "dashboard")
