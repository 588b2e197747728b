"""Read alerts and what became of telling their owners."""

from monitor.api.operation import Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import AlertDetail, AlertList
from monitor.types import AlertState

_FILTERS = (
    Parameter(name="model", description="Only this model's."),
    Parameter(name="state", description="Only in this state.", choices=tuple(state.value for state in AlertState)),
    Parameter(name="start", type="date-time", description="Whose window ends after this moment."),
    Parameter(name="end", type="date-time", description="Whose window starts before this moment."),
)


class Alerts:
    """The handlers of alerts."""

    def __init__(self, services: Services) -> None:
        self._alerts = services.store.alerts

    def get_alerts(self, call: Call) -> Reply:
        """Return the alerts that match every parameter given."""
        state = call.text("state")
        found = self._alerts.query(
            model=call.text("model"),
            state=AlertState(state) if state else None,
            start=call.time("start"),
            end=call.time("end"),
        )
        return Reply(AlertList(found))

    def get_alert(self, call: Call) -> Reply:
        """Return one alert and its deliveries."""
        alert = self._alerts.alert(call.path["id"])
        return Reply(AlertDetail(alert, self._alerts.deliveries(alert.id)))


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
            summary="Show one alert and its deliveries.",
            tag="alerts",
            handler=alerts.get_alert,
            replies={200: AlertDetail},
            errors=(404,),
        ),
    ]
