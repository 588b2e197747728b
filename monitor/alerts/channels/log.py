"""Alerts as lines of the log ``watchglass.alerts``, for whoever collects logs."""

import logging
from typing import ClassVar

import msgspec

from monitor.alerts.channels import AlertChannel, headline, idempotency_key
from monitor.types import Alert, Severity

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.CRITICAL}
_log = logging.getLogger("watchglass.alerts")


class LogChannel(AlertChannel):
    """One line an event: the headline, then the facts as JSON (which also keeps captured text on that line)."""

    name: ClassVar[str] = "log"

    def send(self, alert: Alert, event: str, target: str) -> None:  # noqa: ARG002 - the log has no address
        """Write the line; at INFO when resolved or a digest, else at the severity's level."""
        facts = {
            "key": idempotency_key(alert, event),
            "version": alert.version,
            "rule": alert.rule,
            "metric": alert.metric,
            "feature": alert.feature,
            "segment": alert.segment,
            "value": alert.value,
            "threshold": alert.threshold,
            "since": alert.since,
            "owner": alert.owner,
            "link": alert.link,
            "because": alert.because,
            "incidents": alert.incidents,
        }
        level = logging.INFO if event in ("resolved", "digest") else _LEVELS[alert.severity]
        _log.log(level, "%s %s", headline(alert, event), msgspec.json.encode(facts).decode())
