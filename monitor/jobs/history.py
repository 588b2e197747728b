"""What a detector or a rule would have raised over the traffic there is: to try it before it is saved, and to backfill.

Windows are read once; what they say does not depend on the dial, so that several settings are tried on one reading.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerts.incidents import DETECTOR, alert_of, columns_of, incident_id, joined
from monitor.alerts.readings import about, reading
from monitor.alerts.rules import QUIET_WINDOWS, closed, evaluate, unserved
from monitor.alerts.verdict import judged
from monitor.clock import EPOCH
from monitor.detection import Chunk, Readings, State, stack
from monitor.errors import Conflict
from monitor.jobs import JobContext
from monitor.jobs.chunks import window_chunks
from monitor.jobs.classifier import heard, separations
from monitor.jobs.detection import keep
from monitor.jobs.detectors import Watch
from monitor.jobs.steps import Step, measurements, step
from monitor.jobs.windows import length, window_of
from monitor.schema.calendar import event_of
from monitor.store.notes import Note
from monitor.types import Alert, AlertState, Measurement, Model, Rule, Window

TRIAL = timedelta(days=90)
"""How far back a trial looks."""


@dataclass(frozen=True, eq=False)
class Past:
    """One window of one version as it was: its profiles and what they say, before any evidence."""

    version: str
    window: Window
    watch: Watch
    chunk: Chunk
    readings: Readings


@dataclass(frozen=True, slots=True)
class Trial:
    """What would have been raised.

    Attributes:
        days: how many days were looked at; fewer than 90 where there is less history.
        alerts: what would have fired in them, in order of time, with what triage makes of each; resolved where it
            would have been over.
        calibrated: whether every version's reference had windows enough; None for a rule.
        measured: how many measurements the rule was held against; 0 for a dial.
        mute: how many of them said too little, such as those of fewer rows than the rule asks for.
    """

    days: float
    alerts: tuple[Alert, ...]
    calibrated: bool | None = None
    measured: int = 0
    mute: int = 0


def past(context: JobContext, model: Model, until: datetime) -> list[Past]:
    """Read every window of traffic that is kept and had ended by a moment, in order of time.

    Raises:
        Conflict: there is no reference to compare with.
    """
    binning = context.store.catalog.binning(model.name)
    if binning is None:
        raise Conflict(f"model {model.name!r} has no reference yet, so nothing can be tried; register one first")
    found, _ = window_chunks(context, model, binning, Window(EPOCH, until))
    told = separations(context, model, Window(EPOCH, until))
    read = []
    for version, chunks in found.items():
        for chunk in chunks:
            window = Window(chunk.start, chunk.start + length(model))
            watch = context.detectors.of(context, model, version, window.start) if window.end <= until else None
            if watch is not None:
                whole = heard(watch, version, chunk, told)
                read.append(Past(version, window, watch, whole, watch.detector.read(stack([whole]))))
    return sorted(read, key=lambda each: (each.window.start, each.version))


def steps(model: Model, read: Sequence[Past]) -> Iterator[Step]:
    """Take past windows in as the job does, at the model's dial and with its calendar."""
    states: dict[str, State] = {}
    for each in read:
        watch = replace(each.watch, detector=each.watch.detector.with_dial(model.settings.dial or 1.0))
        before = states.get(each.version, watch.detector.start())
        event = event_of(model, each.window)
        taken = step(each.version, each.window, watch, each.chunk, before, event, each.readings)
        states[each.version] = taken.after
        yield taken


def raised(model: Model, taken: Sequence[Step], now: datetime, url: str) -> list[Alert]:
    """Return the alerts that steps would have raised, in order of time; those that were over are resolved."""
    alerts: dict[str, Alert] = {}
    for each in taken:
        still = set()
        for incident in each.after.open:
            name = incident_id(model.name, each.version, incident.opened)
            still.add(name)
            if name not in alerts:
                alerts[name] = alert_of(model, each.version, incident, measurements(model, each), now, url)
            elif alerts[name].columns != columns_of(incident):
                found = measurements(model, each)
                alerts[name] = joined(model, alerts[name], incident, found, each.window.start, now)
        for name, alert in alerts.items():
            if alert.version == each.version and alert.resolved is None and name not in still:
                alerts[name] = closed(alert, "Back to normal: its columns were calm.", each.window.end).alert
    last = max((each.window.end for each in taken), default=now)
    for name, alert in alerts.items():
        newest = max(each.window.end for each in taken if each.version == alert.version)
        gone = newest + (QUIET_WINDOWS + 1) * length(model)
        if alert.resolved is None and gone <= last:
            alerts[name] = closed(alert, unserved(alert.version), gone).alert
    return sorted(alerts.values(), key=lambda alert: (alert.since, alert.version))


def try_dials(
    context: JobContext, model: Model, dials: Sequence[float], until: datetime, span: timedelta = TRIAL
) -> dict[float, Trial]:
    """Return what each setting of the dial would have raised in the time before a moment.

    Evidence is gathered from the first window that is kept, as it was when it ran; what owners did meanwhile (snoozing)
    is not played again.

    Raises:
        Conflict: there is no reference to compare with.
    """
    end = window_of(model, until).start
    read = past(context, model, end)
    start = max(end - span, min((each.window.start for each in read), default=end))
    found = {}
    for dial in dials:
        chosen = replace(model, settings=replace(model.settings, dial=dial))
        alerts = raised(chosen, list(steps(chosen, read)), until, context.base_url)
        within = tuple(judged(context.store, chosen, alert) for alert in alerts if alert.since >= start)
        calibrated = all(each.watch.detector.calibrated for each in read)
        found[dial] = Trial((end - start) / timedelta(days=1), within, calibrated)
    return found


def try_rule(context: JobContext, model: Model, rule: Rule, until: datetime, span: timedelta = TRIAL) -> Trial:
    """Return what a rule would have raised on what was measured in the time before a moment."""
    end = window_of(model, until).start
    start = window_of(model, end - span).start
    depth = 4 * max(QUIET_WINDOWS, rule.windows) * length(model)
    chosen = replace(model, settings=replace(model.settings, rules=(rule,)))
    by_window = _by_window(context, model, rule, Window(start - depth, end))
    first = min((window.start for window in by_window), default=end)
    alerts: dict[str, Alert] = {}
    for window in sorted(by_window, key=lambda each: each.start):
        seen = {each: found for each, found in by_window.items() if window.end - depth <= each.start <= window.start}
        firing = [alert for alert in alerts.values() if alert.resolved is None]
        for change in evaluate(chosen, seen, firing, window.end, context.base_url):
            if change.event in ("firing", "resolved"):
                alerts[change.alert.id] = change.alert
    within = sorted((alert for alert in alerts.values() if alert.window.start >= start), key=lambda each: each.since)
    told = tuple(judged(context.store, chosen, alert) for alert in within)
    meant = [given for window, all_of in by_window.items() if window.start >= start for given in about(rule, all_of)]
    mute = sum(reading(rule, given) is None for given in meant)
    return Trial((end - max(start, first)) / timedelta(days=1), told, measured=len(meant), mute=mute)


def backfill(context: JobContext, model: Model, until: datetime) -> list[Alert]:
    """Play the whole history at the present settings, and keep its measurements, alerts and what is remembered now.

    Nothing is sent: history is no news. Alerts that were told and are over stay as they are; one that is open and that
    the present settings would not have raised is closed.

    Raises:
        Conflict: there is no reference to compare with, or the detector is off.
    """
    if model.settings.dial is None:
        raise Conflict(f"model {model.name!r} has no dial: its detector is off; set settings.dial first")
    store, now = context.store, context.clock.now()
    taken = list(steps(model, past(context, model, until)))
    found = raised(model, taken, now, context.base_url)
    before = {alert.id: alert for alert in store.alerts.query(model=model.name) if alert.rule == DETECTOR}
    with store.transaction():
        store.measurements.put([given for each in taken for given in measurements(model, each)])
        store.detections.clear(model.name)
        for each in taken:
            keep(context, model, each)
        found = [judged(store, model, alert) for alert in found]  # by the impacts that are measured now
        for alert in found:
            known = before.pop(alert.id, None)
            if known is None:
                store.notes.add(
                    alert.id, Note(now, "", "backfilled", f"Found in history, at dial {model.settings.dial:g}.")
                )
            if known is None or known.state is AlertState.FIRING:
                store.alerts.put(alert)
        for alert in before.values():
            if alert.state is AlertState.FIRING:
                store.alerts.put(closed(alert, "Closed: the present settings would not have raised it.", now).alert)
    return found


def _by_window(context: JobContext, model: Model, rule: Rule, span: Window) -> Mapping[Window, list[Measurement]]:
    found: dict[Window, list[Measurement]] = {}
    measured = context.store.measurements.query(
        model.name, metric=rule.metric, segment=rule.segment, start=span.start, end=span.end, limit=1_000_000
    )
    for given in measured:
        if given.window == window_of(model, given.window.start) and given.window.end <= span.end:
            found.setdefault(given.window, []).append(given)
    return found
