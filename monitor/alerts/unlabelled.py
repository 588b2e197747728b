"""Harm before labels: an estimate that lies beyond what is tolerated as a whole, told once while it lasts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from monitor.alerts.by_version import firing, identity, slept, switched_off
from monitor.alerts.link import link
from monitor.alerts.loss import HARM
from monitor.alerts.rules import QUIET_WINDOWS, Change, closed, unserved
from monitor.alerts.text import clean
from monitor.charts.format import minute, span
from monitor.store import Store
from monitor.triage import Bound, bound_of, triage_window
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Window

ESTIMATE: Final = "estimated harm"
"""The rule that an alert about estimated harm names."""

TOLERATED: Final = "tolerance.loss"


def reconcile_estimate(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Open an alert for each version whose estimate over a window lies beyond tolerance, and close those that are over.

    An estimate that is not trusted opens none, and none is opened while realised harm is: one harm is told once. It is
    over when `QUIET_WINDOWS` windows in a row had an estimate within tolerance. Called again it changes nothing.
    """
    known, harmed = firing(store, model, ESTIMATE), firing(store, model, HARM)
    if model.settings.dial is None:
        return switched_off(known, now)
    changes: list[Change] = []
    start = window.end - QUIET_WINDOWS * window.length
    by_version: dict[str, list[Measurement]] = {}
    for metric in (TOLERATED, "estimation.*"):
        for given in store.measurements.query(model.name, metric=metric, segment=ALL, start=start, end=window.end):
            by_version.setdefault(given.version, []).append(given)
    for version, found in sorted(by_version.items()):
        said = {each: _beyond(found, each) for each in {given.window for given in found}}
        alert = known.get(version)
        if alert is None and version not in harmed and said.get(window):
            changes.append(Change("firing", _alert(model, found, window, said[window], now, url)))
        elif alert is not None and alert.snoozed is not None:
            changes += slept(alert, now)
        elif alert is not None and len(said) >= QUIET_WINDOWS and not any(said.values()):
            why = f"Back to normal: the estimate is within what is tolerated, up to {minute(window.end)} UTC."
            changes.append(closed(alert, why, now))
    gone = [alert for version, alert in known.items() if version not in by_version]
    return changes + [closed(alert, unserved(alert.version), now) for alert in gone]


def tolerance(store: Store, model: Model, version: str, window: Window) -> Bound | None:
    """Return up to which loss a version is tolerated, as it was measured with a window; None if that is not known."""
    found = store.measurements.query(
        model.name, metric=TOLERATED, segment=ALL, version=version, start=window.start, end=window.end
    )
    return next((bound_of(each, each.value) for each in found if each.value is not None), None)


def _beyond(found: list[Measurement], window: Window) -> str:
    """Return what triage says of the estimate of a window, or nothing."""
    lines = triage_window([], [each for each in found if each.window == window]).pages
    return next((line.said for line in lines if line.reason == "estimate"), "")


def _alert(model: Model, found: Sequence[Measurement], window: Window, said: str, now: datetime, url: str) -> Alert:
    own = [each for each in found if each.window == window]
    bound = next(each for each in own if each.metric == TOLERATED)
    given = next(each for each in own if each.metric == f"estimation.{bound.details['metric']}")
    here = link(url, model.name, given)
    when = span(window.start, window.end)
    lines = [
        "An estimate from scores alone (90 % band); what labels say is judged when they are in.",
        f"Model {clean(model.title)}, version {given.version}, all traffic, {when} (UTC), {given.rows:,} rows.",
        "Next: open the model's page, see which inputs moved, and ask whether labels can come sooner.",
        here,
    ]
    return Alert(
        id=identity(model, ESTIMATE, given.version, window),
        model=model.name,
        version=given.version,
        rule=ESTIMATE,
        severity=Severity.CRITICAL,
        state=AlertState.FIRING,
        metric=given.metric,
        feature=None,
        segment=ALL,
        title=said.removesuffix("."),
        body="\n".join(lines),
        link=here,
        value=given.value or 0.0,
        threshold=1 - (bound.value or 0.0) if given.details.get("better") == "higher" else bound.value or 0.0,
        window=window,
        since=window.start,
        updated=now,
        owner=model.settings.owner,
    )
