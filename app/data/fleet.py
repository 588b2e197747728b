"""Every model at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from app.data.names import EVIDENCE, SHIFT, accuracy_metrics, inputs_of, measure
from app.place import span_window
from app.runtime import runtime
from monitor.alerts.said import sentence as said
from monitor.alerts.text import title as measurement_title
from monitor.charts import format as fmt
from monitor.types import ALL, Alert, AlertState, Measurement, Model, Severity, Status

TREND_DAYS = 14
FRESH = 10  # seconds a reading stays good


@dataclass(frozen=True, slots=True)
class Health:
    """One model's line: its state, why, and what that rests on."""

    model: str
    title: str
    owner: str
    versions: tuple[str, ...]
    state: str  # a key of app.prose.STATES
    reason: str
    accuracy: Measurement | None
    drifted: int
    drift_of: int
    drift_day: datetime | None  # when the newest window began in which drift could be judged
    target_unit: str
    traffic: tuple[float, ...]
    rows: int
    last_event: datetime | None
    open_alerts: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """All models, worst first, and the sums above them."""

    rows: tuple[Health, ...]
    received: int
    lost: int
    now: datetime


def now() -> datetime:
    """The server's present moment: the wall clock, or the replay's."""
    return runtime().clock.now()


def latest(model: str) -> datetime | None:
    """The end of the newest window whose traffic has been counted."""
    return runtime().store.measurements.watermark("traffic", model)


def open_alerts(model: str | None = None) -> list[Alert]:
    """The alerts that are firing, newest first."""
    firing = runtime().store.alerts.query(model=model, state=AlertState.FIRING)
    return sorted(firing, key=lambda alert: (alert.severity is not Severity.CRITICAL, -alert.since.timestamp()))


@st.cache_data(ttl=FRESH, show_spinner=False)
def fleet() -> Fleet:
    """Read every model's health. Costs a handful of small queries a model, whatever its traffic."""
    running = runtime()
    rows = sorted(
        (_health(model) for model in running.store.catalog.models()),
        key=lambda row: (("critical", "warning", "ok", "waiting").index(row.state), -row.open_alerts, row.title),
    )
    lines = running.store.ledger.lines()
    received = sum(line.rows for line in lines if line.source != "labels")
    lost = sum(line.rows for line in lines if line.outcome in ("dropped", "rejected"))
    return Fleet(tuple(rows), received, lost, now())


def _health(model: Model) -> Health:
    store = runtime().store
    end = latest(model.name)
    alerts = open_alerts(model.name)
    versions = tuple(version.version for version in store.catalog.versions(model.name))
    window = span_window("30d", now(), end)
    start = max(window.start, (end or window.end) - timedelta(days=TREND_DAYS))
    traffic = [
        given
        for given in store.measurements.query(
            model.name, metric="traffic.rows", segment=ALL, start=start, end=window.end
        )
        if given.value is not None
    ]
    by_window: dict[datetime, float] = {}
    for given in traffic:
        by_window[given.window.start] = by_window.get(given.window.start, 0.0) + (given.value or 0.0)
    waiting = 0 if by_window else store.thinning.counts(model.name).stored
    drifted, drift_day = _drifted(model, end)
    accuracy = _accuracy(model, window.start, window.end)
    state, reason = _state(alerts, bool(by_window), waiting, drifted)
    return Health(
        model=model.name,
        title=model.title,
        owner=model.settings.owner,
        versions=tuple(sorted({given.version for given in traffic})) or versions,
        state=state,
        reason=reason,
        accuracy=accuracy,
        drifted=drifted,
        drift_of=len(model.schema.features),
        drift_day=drift_day,
        target_unit=model.schema.target_unit,
        traffic=tuple(by_window[start] for start in sorted(by_window)),
        rows=int(sum(by_window.values())) or waiting,
        last_event=max((given.window.end for given in traffic if given.value), default=None),
        open_alerts=len(alerts),
    )


def _drifted(model: Model, end: datetime | None) -> tuple[int, datetime | None]:
    """How many input columns are beyond their threshold in the newest window with traffic, in any version."""
    if end is None:
        return 0, None
    start = end - timedelta(days=TREND_DAYS)
    found = [
        given
        for metric in ((EVIDENCE,) if model.settings.dial is not None else SHIFT)
        for given in runtime().store.measurements.query(model.name, metric=metric, segment=ALL, start=start, end=end)
        if not (given.feature or "_").startswith("_")
        and given.value is not None
        and given.status is not Status.INSUFFICIENT
    ]
    newest = max((given.window.start for given in found), default=None)
    now = [given.feature for given in found if breached(given) and given.window.start == newest]
    return len(inputs_of(model.schema, now)), newest


def breached(given: Measurement) -> bool:
    """Whether a measurement of which less is better is beyond its own threshold, on enough rows.

    A column of which the detector speaks is so while it is part of an open incident.
    """
    if given.metric == EVIDENCE:
        return given.status is Status.BREACH
    return (
        given.status is not Status.INSUFFICIENT
        and given.value is not None
        and given.threshold is not None
        and given.value > given.threshold
    )


def _accuracy(model: Model, start: datetime, end: datetime) -> Measurement | None:
    """The newest window's accuracy that rests on enough labels; of two versions, the one with more."""
    metric = accuracy_metrics(model.schema.task)[0]
    found = [
        given
        for given in runtime().store.measurements.query(model.name, metric=metric, segment=ALL, start=start, end=end)
        if given.value is not None and given.status is not Status.INSUFFICIENT
    ]
    return max(found, key=lambda given: (given.window.start, given.rows), default=None)


def _state(alerts: list[Alert], traffic: bool, waiting: int, drifted: int) -> tuple[str, str]:
    worst = alerts[0] if alerts else None
    if worst is not None:
        more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        return ("critical" if worst.severity is Severity.CRITICAL else "warning"), worst.title + more
    if waiting:
        come = "prediction has" if waiting == 1 else "predictions have"
        return "waiting", f"{fmt.count(waiting)} {come} come; they are measured once their first day is over"
    if not traffic:
        return "waiting", "No traffic has been measured yet"
    return "ok", "No open alerts" + (f"; {_columns(drifted)} moved, not for long" if drifted else "")


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


def accuracy_text(given: Measurement | None, target_unit: str = "") -> tuple[str, str, str]:
    """A model's accuracy as (measure, value, origin): of which day, and how many of its rows have a label."""
    if given is None:
        return "Accuracy", fmt.MISSING, "no labels yet"
    known = measure(given.metric, target_unit)
    origin = f"{fmt.day(given.window.start)}, {fmt.rate(given.coverage)} labelled"
    return known.title, fmt.with_unit(given.value, known.unit), origin


def sentence(model: Model, given: Measurement, beside: Sequence[Measurement] = ()) -> str:
    """One measurement in words, as the alerts say it; ``beside`` are others of its column and window."""
    if given.metric == EVIDENCE and given.feature is not None:
        return said(model, given.feature, [given, *beside])
    return measurement_title(model, given, given.threshold if given.threshold is not None else float("nan"))
