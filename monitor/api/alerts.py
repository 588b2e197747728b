"""Read alerts and what became of telling their owners; snooze them, or take incidents for the new normal."""

from datetime import UTC, datetime, timedelta

import msgspec

from monitor.alerts.actions import rebaseline, snooze
from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import AlertDetail, AlertList
from monitor.errors import InvalidInput
from monitor.types import Alert, AlertState

MOST_DAYS = 366


class SnoozeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How long an alert sleeps: until a moment, or for some days; ``who`` is written into its history."""

    until: datetime | None = None
    days: float = 7.0
    who: str = ""


class RebaselineRequest(msgspec.Struct, forbid_unknown_fields=True):
    """``who`` is written into the incident's history."""

    who: str = ""


_FILTERS = (
    Parameter(name="model", description="Only this model's."),
    Parameter(name="state", description="Only in this state.", choices=tuple(state.value for state in AlertState)),
    Parameter(name="told", description="Only those told at once, or in the digest.", choices=("page", "digest")),
    Parameter(name="start", type="date-time", description="Whose window ends after this moment."),
    Parameter(name="end", type="date-time", description="Whose window starts before this moment."),
)


class Alerts:
    """The handlers of alerts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._alerts = services.store.alerts

    def get_alerts(self, call: Call) -> Reply:
        """Return the alerts that match every parameter given."""
        state, told = call.text("state"), call.text("told")
        found = self._alerts.query(
            model=call.text("model"),
            state=AlertState(state) if state else None,
            start=call.time("start"),
            end=call.time("end"),
        )
        return Reply(AlertList([each for each in found if told is None or each.paged == (told == "page")]))

    def get_alert(self, call: Call) -> Reply:
        """Return one alert and its deliveries."""
        alert = self._alerts.alert(call.path["id"])
        return self._detail(alert)

    def post_snooze(self, call: Call) -> Reply:
        """Let an alert sleep."""
        asked = call.json(SnoozeRequest)
        now = self._services.clock.now()
        until = asked.until
        if until is None:
            if not 0 < asked.days <= MOST_DAYS:
                raise InvalidInput(f"days is {asked.days}; more than 0 and at most {MOST_DAYS} are allowed")
            until = now + timedelta(days=asked.days)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
        with self._services.scheduler.alone():
            alert = self._alerts.alert(call.path["id"])
            return self._detail(snooze(self._services.store, alert, until, now, asked.who))

    def post_rebaseline(self, call: Call) -> Reply:
        """Take the traffic since an incident began for normal."""
        asked = call.json(RebaselineRequest)
        store = self._services.store
        with self._services.scheduler.alone():
            alert = self._alerts.alert(call.path["id"])
            return self._detail(rebaseline(store, alert, self._services.clock.now(), asked.who))

    def _detail(self, alert: Alert) -> Reply:
        store = self._services.store
        due = min((line.due for line in store.digests.of(alert.id) if line.digest is None), default=None)
        return Reply(AlertDetail(alert, self._alerts.deliveries(alert.id), store.notes.of(alert.id), due))


def operations(services: Services) -> list[Operation]:
    """Return the operations on alerts."""
    alerts = Alerts(services)
    return [
        Operation(
            method="GET",
            path="/v1/alerts",
            name="list_alerts",
            summary="List alerts.",
            tag="alerts",
            handler=alerts.get_alerts,
            replies={200: AlertList},
            errors=(422,),
            parameters=_FILTERS,
        ),
        Operation(
            method="GET",
            path="/v1/alerts/{id}",
            name="get_alert",
            summary="Show one alert, its deliveries, and what was done about it.",
            tag="alerts",
            handler=alerts.get_alert,
            replies={200: AlertDetail},
            errors=(404,),
        ),
        Operation(
            method="POST",
            path="/v1/alerts/{id}/snooze",
            name="snooze_alert",
            summary="Let an alert that a detector raised sleep until a moment; it is over then.",
            tag="alerts",
            handler=alerts.post_snooze,
            replies={200: AlertDetail},
            errors=(400, 404, 409, 413, 415, 422, 429),
            body=BodySpec(type=SnoozeRequest, required=False),
            slow=True,
        ),
        Operation(
            method="POST",
            path="/v1/alerts/{id}/rebaseline",
            name="rebaseline_alert",
            summary="Take the traffic since an incident of the detector began for normal, and close it.",
            tag="alerts",
            handler=alerts.post_rebaseline,
            replies={200: AlertDetail},
            errors=(400, 404, 409, 413, 415, 422, 429),
            body=BodySpec(type=RebaselineRequest, required=False),
            slow=True,
        ),
    ]
