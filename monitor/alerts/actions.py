"""What an owner does about an alert: let it sleep, or take the traffic of an incident for normal; audited."""

from dataclasses import replace
from datetime import datetime

from monitor.alerts.announce import announce
from monitor.alerts.incidents import DETECTOR, incident_id
from monitor.alerts.judge import RECONCILED
from monitor.alerts.rules import closed
from monitor.charts.format import minute
from monitor.detection import Incident, State
from monitor.detection import rebaseline as forgotten
from monitor.detection import snooze as asleep
from monitor.errors import Conflict, InvalidInput
from monitor.profile.comoments import JOINT
from monitor.store import Store
from monitor.store.detections import Snapshot
from monitor.store.notes import Note
from monitor.types import Alert, AlertState


def snooze(store: Store, alert: Alert, until: datetime, now: datetime, who: str = "") -> Alert:
    """Let an alert that a detector raised sleep until a moment: it stays open and says nothing, and is over then.

    What waits for the digest about it is not told. What is still so after that raises a new alert. An alert of a rule
    cannot sleep: whether it is open follows from the rule's bound and nothing else.

    Raises:
        Conflict: the alert is not open, or is of a rule.
        InvalidInput: the moment has passed.
    """
    if until <= now:
        raise InvalidInput(f"until is {until.isoformat()}; a moment after now ({now.isoformat()}) is allowed")
    if alert.rule not in RECONCILED:
        raise Conflict(
            f"alert {alert.id} is of the rule {alert.rule!r}, which says what it is told to while its bound is broken; "
            "give the rule another threshold or more windows, or take it out of settings.rules"
        )
    found = _found(store, alert) if alert.rule == DETECTOR else None
    if alert.state is not AlertState.FIRING:
        raise Conflict(f"alert {alert.id} is {alert.state}; only an open alert can be snoozed")
    with store.transaction():
        if found is not None:
            snapshot, incident = found
            state = asleep(State.from_json(snapshot.state), incident.columns, until)
            store.detections.put(alert.model, replace(snapshot, state=state.to_json()))
        store.digests.withdraw(alert.id)
        store.notes.add(alert.id, Note(now, who, "snoozed", f"Asleep until {minute(until)} UTC."))
        alert = replace(alert, updated=now, snoozed=until)
        store.alerts.put(alert)
    return alert


def rebaseline(store: Store, alert: Alert, now: datetime, who: str = "") -> Alert:
    """Take the traffic since an incident began for normal, and close it.

    Its columns are compared from now on with their own traffic since then, up to 30 windows of it as they come; until
    there are 30 the detector says that it is not calibrated. Other columns keep the reference.

    Raises:
        Conflict: the alert is not an open incident of a detector.
    """
    snapshot, incident = _found(store, alert)
    state = forgotten(State.from_json(snapshot.state), incident.columns)
    columns = [column for column in incident.columns if column in alert.columns or column == JOINT]
    names = ["how columns go together" if column == JOINT else column for column in columns]
    told = f"Re-baselined: {', '.join(names)} compared with traffic since {minute(incident.opened)} UTC."
    over = closed(alert, f"Closed by its owner. {told}", now)
    with store.transaction():
        store.detections.put(alert.model, replace(snapshot, state=state.to_json()))
        store.detections.rebase(alert.model, alert.version, columns, incident.opened)
        store.notes.add(alert.id, Note(now, who, "rebaselined", told))
        return announce(store, store.catalog.model(alert.model), over, now)


def _found(store: Store, alert: Alert) -> tuple[Snapshot, Incident]:
    """Return what the detector remembers now, and the incident in it that an alert is about."""
    if alert.rule != DETECTOR:
        raise Conflict(
            f"alert {alert.id} is of the rule {alert.rule!r}; only incidents of the detector can be re-baselined"
        )
    if alert.state is not AlertState.FIRING:
        raise Conflict(f"alert {alert.id} is {alert.state}; only an open incident can be snoozed or re-baselined")
    for snapshot in store.detections.latest(alert.model):
        for incident in State.from_json(snapshot.state).open:
            if incident_id(alert.model, snapshot.version, incident.opened) == alert.id:
                return snapshot, incident
    raise Conflict(
        f"the detector no longer holds alert {alert.id} open; it will be closed when the next window is judged"
    )
