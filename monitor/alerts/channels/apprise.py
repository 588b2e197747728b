"""Alerts through Apprise: e-mail, Slack, Teams, PagerDuty and about a hundred more, by an Apprise URL."""

from typing import ClassVar

from monitor.alerts.channels import AlertChannel, headline
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Alert, Severity

_KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class AppriseChannel(AlertChannel):
    """Sends plain text to one Apprise URL, such as ``mailtos://…`` or ``slack://…``."""

    name: ClassVar[str] = "apprise"

    def send(self, alert: Alert, event: str, target: str) -> None:
        """Notify once.

        Raises:
            InvalidInput: Apprise does not know the form of the target.
            Unavailable: the service did not take it; Apprise logs the reason.
        """
        import apprise  # a hundred services: loaded when the first alert goes this way

        notifier = apprise.Apprise()
        if not notifier.add(target):
            raise InvalidInput("the apprise target is not a URL Apprise knows; see its list of services")
        sent = notifier.notify(
            title=headline(alert, event),
            body=alert.body,
            notify_type="success" if event == "resolved" else _KINDS[alert.severity],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not sent:
            raise Unavailable("apprise could not deliver; its own log line says why")
