"""A segment in which the model has become worse, as an alert: open for as long as the scan holds it open."""

from datetime import datetime
from typing import Final

from monitor.alerts.by_version import identity, reconcile
from monitor.alerts.link import link
from monitor.alerts.rules import Change
from monitor.alerts.text import clean
from monitor.charts.format import minute, span
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Window

SEGMENT: Final = "segment"
"""The rule that an alert about a segment names."""

METRIC: Final = "segments.scan"


def reconcile_segments(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Open an alert for each version in which a segment stands out by a window's labels; close those that are over.

    Called again it changes nothing. Without a dial only the owner's rules speak, and every such alert is closed.
    """

    def over(given: Measurement) -> str:
        calm = f"Back to normal: no segment stood out, up to {minute(window.end)} UTC."
        return calm if given.details.get("open") is False else ""

    def opened(given: Measurement) -> Alert:
        return _alert(model, given, now, url)

    return reconcile(store, model, window, now, rule=SEGMENT, metric=METRIC, opened=opened, over=over)


def _alert(model: Model, given: Measurement, now: datetime, url: str) -> Alert:
    said = clean(given.details.get("said") or "A segment stands out", 300).removesuffix(".")
    within, others = given.details.get("within"), given.details.get("others")
    when, here = span(given.window.start, given.window.end), link(url, model.name, given)
    lines = [
        *([f"Most of it is in: {clean(within, 200)}."] if within else []),
        *([f"Also: {clean(others, 300)}."] if others else []),
        f"Model {clean(model.title)}, version {given.version}, {when} (UTC), {given.rows:,} labelled rows in all.",
        "Next: look at the rows of this segment, and ask what changed for them upstream; then retrain.",
        here,
    ]
    feature = given.details.get("feature")
    return Alert(
        id=identity(model, SEGMENT, given.version, given.window),
        model=model.name,
        version=given.version,
        rule=SEGMENT,
        severity=Severity.WARNING,
        state=AlertState.FIRING,
        metric=METRIC,
        feature=None,
        segment=ALL,
        title=said,
        body="\n".join(lines),
        link=here,
        value=round(given.value or 0.0, 2),
        threshold=1.0,
        window=given.window,
        since=given.window.start,
        updated=now,
        owner=model.settings.owner,
        columns=(str(feature),) if feature else (),
    )
