"""Harm as an alert: realised loss beyond what the owner tolerates, told once while it lasts."""

from datetime import datetime
from typing import Final

from monitor.alerts.by_version import identity, reconcile
from monitor.alerts.link import link
from monitor.alerts.rules import Change
from monitor.alerts.text import clean
from monitor.charts.format import figure, minute, rate, span, with_unit
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Status, Window

HARM: Final = "harm"
"""The rule that an alert about harm names."""

METRIC: Final = "harm.loss"


def reconcile_harm(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Open an alert for each version that has come to harm by the labels of a window, and close those that are over.

    Called again it changes nothing. Without a dial only the owner's rules speak, and every alert about harm is closed.
    """

    def over(given: Measurement) -> str:
        within = f"Back within what is tolerated, by the labels of {span(window.start, window.end)} (UTC)."
        return within if given.status is Status.OK else ""

    def opened(given: Measurement) -> Alert:
        return _alert(model, given, now, url)

    return reconcile(store, model, window, now, rule=HARM, metric=METRIC, opened=opened, over=over)


def _alert(model: Model, given: Measurement, now: datetime, url: str) -> Alert:
    said = _said(given)
    here = link(url, model.name, given)
    since = str(given.details.get("since") or given.window.start.isoformat())
    fall, when = given.details.get("said"), span(given.window.start, given.window.end)
    lines = [
        f"{said}, certain however often one looks.",
        *([str(fall)] if fall else []),
        f"Model {clean(model.title)}, version {given.version}, all traffic, {when} (UTC), {given.rows:,} labels.",
        f"Since {minute(datetime.fromisoformat(since))} UTC.",
        "Next: open the model's page: where it is wrong, and which inputs moved; then retrain, or go back a version.",
        here,
    ]
    return Alert(
        id=identity(model, HARM, given.version, given.window),
        model=model.name,
        version=given.version,
        rule=HARM,
        severity=Severity.CRITICAL,
        state=AlertState.FIRING,
        metric=METRIC,
        feature=None,
        segment=ALL,
        title=said,
        body="\n".join(lines),
        link=here,
        value=given.value or 0.0,
        threshold=given.threshold or 0.0,
        window=given.window,
        since=datetime.fromisoformat(since),
        updated=now,
        owner=model.settings.owner,
    )


def _said(given: Measurement) -> str:
    """Say the loss in the terms of its measure: the share of wrong answers is told as accuracy."""
    value, most, usual = given.value, given.threshold, given.details.get("usual")
    if given.details.get("metric") == "accuracy" and value is not None and most is not None:
        before = f", usually {rate(1 - usual)}" if isinstance(usual, float) else ""
        return f"Accuracy is {rate(1 - value)}, below the {rate(1 - most)} that is tolerated{before}"
    if given.details.get("metric") == "ndcg" and value is not None and most is not None:
        before = f", usually {figure(1 - usual)}" if isinstance(usual, float) else ""
        return f"nDCG is {figure(1 - value)}, below the {figure(1 - most)} that is tolerated{before}"
    unit = str(given.details.get("unit") or "")
    name = {"mae": "The mean absolute error", "brier": "The Brier score"}.get(
        str(given.details.get("metric")), "The mean loss"
    )
    before = f", usually {with_unit(usual, unit)}" if isinstance(usual, float) else ""
    return f"{name} is {with_unit(value, unit)}, above the {with_unit(most, unit)} that is tolerated{before}"
