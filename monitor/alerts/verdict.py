"""Which alerts wake their owner, and which are a line of the daily digest; each with the reason in words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from monitor.alerts.attribution import ATTRIBUTION
from monitor.alerts.incidents import DETECTOR
from monitor.alerts.link import alert_link
from monitor.alerts.loss import HARM
from monitor.alerts.rules import default_rules
from monitor.alerts.segment import SEGMENT
from monitor.alerts.silence import SILENCE
from monitor.alerts.unlabelled import ESTIMATE, tolerance
from monitor.store import Store
from monitor.triage import Finding, triage
from monitor.types import ALL, Alert, Model, Severity

_PAGED: Final = {
    "fault": "Paged because it is a hard fault: data is broken, whatever the labels will say.",
    "loss": "Paged because the loss that labels show is beyond what is tolerated.",
    "estimate": "Paged because the estimate lies wholly beyond what is tolerated; labels are not in yet.",
    "rule": "Paged because a rule that the owner wrote asks for it.",
    "setting": "Told at once because the digest is turned off (settings.digest_hour).",
}
_DIGEST: Final = "In the digest because nothing is known to be harmed: no hard fault, and"
_KNOWN: Final = "neither labels nor the estimate show a loss beyond what is tolerated."
_UNKNOWN: Final = "without labels in the reference nothing says what loss is tolerated."


def judged(store: Store, model: Model, alert: Alert) -> Alert:
    """Return an alert with what triage makes of it: whether it pages, why, and how much its shift matters.

    Args:
        store: where its version was measured.
        model: whose alert.
        alert: one that begins.
    """
    impacts = _impacts(store, alert)
    reason = _reason(model, alert, impacts)
    columns = alert.columns or ((alert.feature,) if alert.feature else ())
    impact = max((impacts[each] for each in columns if each in impacts), key=abs, default=None)
    if reason == "digest":
        known = tolerance(store, model, alert.version, alert.window) is not None
        because = f"{_DIGEST} {_KNOWN if known else _UNKNOWN}"
    else:
        because = _PAGED[reason]
    body = alert.body.split("\n")
    return replace(
        alert,
        paged=reason != "digest",
        because=because,
        impact=impact,
        body="\n".join([*body[:-1], because, f"Alert: {alert_link(alert.link, alert.id)}", *body[-1:]]),
    )


def _reason(model: Model, alert: Alert, impacts: dict[str, float]) -> str:
    """Return why an alert pages, or ``digest``."""
    if alert.rule in (HARM, ESTIMATE):
        return "loss" if alert.rule == HARM else "estimate"
    if alert.rule == SILENCE:
        return "fault"
    if alert.rule not in (DETECTOR, SEGMENT, ATTRIBUTION) and model.settings.rules is not None:
        return "rule"
    found = triage([_finding(model, alert)], impacts=impacts)
    reason = next(line.reason for line in (*found.pages, *found.digest))
    return "setting" if reason == "digest" and model.settings.digest_hour is None else reason


def _finding(model: Model, alert: Alert) -> Finding:
    by_default = {rule.name for rule in default_rules(model.schema)}
    broken = alert.rule in by_default or (alert.rule == DETECTOR and alert.severity is Severity.CRITICAL)
    kind = "fault" if broken else "segment" if alert.rule == SEGMENT else "drift"
    return Finding(kind, alert.columns, alert.title, alert.value)


def _impacts(store: Store, alert: Alert) -> dict[str, float]:
    found = store.measurements.query(
        alert.model,
        metric="impact.shift",
        segment=ALL,
        version=alert.version,
        start=alert.window.start,
        end=alert.window.end,
    )
    return {each.feature: each.value for each in found if each.feature is not None and each.value is not None}


def ranked(alerts: Sequence[Alert]) -> list[Alert]:
    """Return alerts with what matters most to the model first; what is not known to matter comes last, oldest first.

    As `monitor.triage.triage` ranks the findings of one window.
    """
    return sorted(alerts, key=lambda each: (-abs(each.impact or 0.0), -each.value, each.since, each.id))
