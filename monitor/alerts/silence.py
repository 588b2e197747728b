"""Predictions that stopped, as an alert: a version that had rows in every window like this one has none now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from monitor.alerts.by_version import firing, identity, slept, switched_off
from monitor.alerts.link import link
from monitor.alerts.rules import Change, closed
from monitor.alerts.text import clean
from monitor.charts.format import count, minute, span
from monitor.schema.calendar import event_of
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Window

SILENCE: Final = "no predictions"
"""The rule that an alert about predictions that stopped names; no owner's rule can be called so."""

METRIC: Final = "traffic.rows"

LEAST_ROWS: Final = 20
"""So many rows each of the windows before has to have: of sparse traffic an empty window is no news."""

TAKEN_OVER: Final = 0.25
"""With this share of the usual rows or more, other versions have taken the traffic over."""

_LIKE: Final = (
    (timedelta(days=1), 7, 4.0, "at the same time of the 7 days before"),
    (timedelta(weeks=1), 4, 2.0, "at the same time of the 4 weeks before"),
)
"""Which windows are like one, how many of them are looked at, and how many times the rows of the emptiest the fullest
may have: traffic that varies more may well be none.

Simulated counts (gamma-Poisson, of any mean, independent) that vary by 70 % or less gave under 0.05 such alarms in 90
windows, the share of hard faults at dial 1.
"""

_NEWS: Final = timedelta(weeks=4)  # what has been silent for longer is retired
_DAY: Final = timedelta(days=1)

_Rows = Mapping[datetime, Mapping[str, Measurement]]


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A version that stopped, and the windows that say what is usual: of all versions together, and where they are."""

    version: str
    since: datetime
    usual: Sequence[int]
    like: str


def reconcile_silence(store: Store, model: Model, window: Window, now: datetime, url: str) -> list[Change]:
    """Open an alert where a version in use has no rows in a window that always had some; close it when rows come.

    Only what was watched counts: rows that were there when their window closed, and windows during all of which this
    server ran, judged within a day. So history that is imported, rows that always come late and a server that was down
    open none. Nor does a version whose traffic others took over, or a window that meets an event of the calendar.
    Called again it changes nothing. Without a dial every such alert is closed.
    """
    known = firing(store, model, SILENCE)
    if model.settings.dial is None:
        return switched_off(known, now)
    current = _rows(store, model, window).get(window.start, {})
    changes = [change for alert in known.values() for change in _ended(alert, current, window, now)]
    watched = any(given.details.get("watched") is True for given in current.values())
    if known or not watched or event_of(model, window):
        return changes
    if any(given.value for given in current.values()):
        last = _rows(store, model, Window(window.start - window.length, window.start))
        if not any(version not in current for before in last.values() for version in before):
            return changes
    back = _NEWS + max(8 * window.length, 4 * timedelta(weeks=1))
    stopped = _stopped(model, window, _rows(store, model, Window(window.start - back, window.end)))
    return [Change("firing", _alert(model, window, current, stopped, now, url))] if stopped else changes


def _rows(store: Store, model: Model, within: Window) -> _Rows:
    """Return what was measured of the model's own windows, by their beginning and version."""
    length = timedelta(hours=model.settings.window_hours)
    found: dict[datetime, dict[str, Measurement]] = {}
    for given in store.measurements.query(model.name, metric=METRIC, segment=ALL, start=within.start, end=within.end):
        if given.window.length == length and (within.end - given.window.end) % length == timedelta(0):
            found.setdefault(given.window.start, {})[given.version] = given
    return found


def _ended(alert: Alert, current: Mapping[str, Measurement], window: Window, now: datetime) -> list[Change]:
    if alert.snoozed is not None:
        return slept(alert, now)
    rows = {version: given.rows for version, given in current.items() if given.rows}
    when = span(window.start, window.end)
    if alert.version in rows:
        return [closed(alert, f"Predictions come again: {count(rows[alert.version])} rows in {when} (UTC).", now)]
    if sum(rows.values()) >= max(1.0, alert.threshold):
        others = ", ".join(sorted(rows))
        return [closed(alert, f"Closed: its traffic was taken over by version {others} in {when} (UTC).", now)]
    return []


def _stopped(model: Model, window: Window, rows: _Rows) -> _Stopped | None:
    """Return the version that stopped and had most rows; None where nothing stopped that never was silent before."""
    now = sum(given.rows for given in rows.get(window.start, {}).values())
    found = []
    for version in {version for before in rows.values() for version in before}:
        own = {start: before[version].rows for start, before in rows.items() if version in before}
        last = max((start for start, given in own.items() if given), default=None)
        if last is None or last == window.start or window.start - last > _NEWS:
            continue
        for period, needed, ratio, like in _LIKE:
            starts = _matching(model, window, period, needed, last, min(rows))
            seen = [_in_time(rows, start, version) for start in starts]
            if len(seen) < needed or min(seen) < LEAST_ROWS or max(seen) > ratio * min(seen):
                continue
            usual = [sum(given.rows for given in rows[start].values()) for start in starts]
            if now < TAKEN_OVER * min(usual):
                found.append((sum(seen), _Stopped(version, last + window.length, usual, like)))
            break
    return max(found, key=lambda each: (each[0], each[1].version))[1] if found else None


def _matching(
    model: Model, window: Window, period: timedelta, needed: int, last: datetime, first: datetime
) -> list[datetime]:
    """Return where the windows begin that are like this one, newest first, from the version's last rows back."""
    step = -(-period // window.length) * window.length
    found: list[datetime] = []
    start = window.start - step
    while start >= first and len(found) < needed:
        if start <= last and not event_of(model, Window(start, start + window.length)):
            found.append(start)
        start -= step
    return found


def _in_time(rows: _Rows, start: datetime, version: str) -> int:
    """Return how many rows of a version were there when a window closed; 0 where nobody looked then."""
    given = rows.get(start, {}).get(version)
    seen = given.details.get("in_time") if given is not None else None
    return int(seen) if isinstance(seen, int | float) else 0


def _alert(
    model: Model, window: Window, current: Mapping[str, Measurement], stopped: _Stopped, now: datetime, url: str
) -> Alert:
    given = replace(next(iter(current.values())), version=stopped.version)
    here, least, most = link(url, model.name, given), min(stopped.usual), max(stopped.usual)
    rows, when = sum(each.rows for each in current.values()), span(window.start, window.end)
    usually = count(least) if least == most else f"{count(least)} to {count(most)}"
    lines = [
        f"Windows {stopped.like} had {usually} rows each.",
        f"Model {clean(model.title)}, version {stopped.version}, {when} (UTC), {count(rows)} rows of other versions.",
        "Next: ask whether the model still serves and its capture still sends. Known pauses belong in the calendar.",
        here,
    ]
    return Alert(
        id=identity(model, SILENCE, stopped.version, window),
        model=model.name,
        version=stopped.version,
        rule=SILENCE,
        severity=Severity.CRITICAL,
        state=AlertState.FIRING,
        metric=METRIC,
        feature=None,
        segment=ALL,
        title=f"No predictions since {minute(stopped.since)} UTC, usually {usually} a window",
        body="\n".join(lines),
        link=here,
        value=float(rows),
        threshold=TAKEN_OVER * least,
        window=window,
        since=stopped.since,
        updated=now,
        owner=model.settings.owner,
    )
