"""One model over a window: traffic, latency, accuracy, labels, and what moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from app.data.fleet import FRESH, breached
from app.data.movement import Suspect, cells, ratio, suspects, uncalibrated
from app.data.names import EVIDENCE, SHIFT, accuracy_metrics, inputs_of, measure
from app.runtime import runtime
from monitor.charts.heatmap import Cell
from monitor.charts.lines import Bars
from monitor.jobs.ages import curve
from monitor.types import ALL, Measurement, Window

LATENCIES = ("traffic.latency_p50", "traffic.latency_p95", "traffic.latency_p99")
DEVICE_TIMES = ("traffic.device_time_p50", "traffic.device_time_p95", "traffic.device_time_p99")
DEVICE_MEMORY = ("traffic.device_memory_p50", "traffic.device_memory_p95", "traffic.device_memory_p99")


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the model's page draws."""

    volume: Bars | None
    rows: int
    latency: Mapping[str, Sequence[Measurement]]
    device: Mapping[str, Sequence[Measurement]]  # time on the device; empty where no row told
    memory: Mapping[str, Sequence[Measurement]]
    score_mean: float | None
    accuracy: Mapping[str, Mapping[str, Sequence[Measurement]]]  # metric → version → measurements
    estimates: Mapping[str, Mapping[str, Sequence[Measurement]]]  # the same, estimated before labels came
    coverage: float | None
    ages: Mapping[str, float]  # share of predictions labelled by how long after their window closed
    cells: tuple[Cell, ...]
    suspects: tuple[Suspect, ...]
    drifted: int
    drifted_in: Window | None  # the newest window in which drift could be judged
    features: int
    detector: bool = False  # whether it is the detector that cells and suspects tell of
    uncalibrated: bool = False  # whether a reference of too few windows is what it compares with, lately


def read(
    model: str, metric: str, window: Window, version: str | None, segment: str, feature: str | None = None
) -> list[Measurement]:
    """Measurements of one metric (or a family, ending in ``*``) whose window starts within ``window``."""
    return runtime().store.measurements.query(
        model,
        metric=metric,
        feature=feature,
        version=version,
        segment=segment,
        start=window.start,
        end=window.end,
    )


def versions_of(model: str) -> list[str]:
    """A model's registered versions, newest first."""
    return [version.version for version in reversed(runtime().store.catalog.versions(model))]


@st.cache_data(ttl=FRESH, show_spinner=False)
def last_traffic(model: str) -> Window | None:
    """The newest measured window with any prediction, of the 90 days that were measured last."""
    store = runtime().store
    end = store.measurements.watermark("traffic", model)
    if end is None:
        return None
    found = store.measurements.query(model, metric="traffic.rows", segment=ALL, start=end - timedelta(days=90), end=end)
    return max((given.window for given in found if given.value), key=lambda window: window.start, default=None)


@st.cache_data(ttl=60, show_spinner=False)
def segments_of(model: str) -> list[str]:
    """The segments measured lately, all traffic first, then by name."""
    store = runtime().store
    end = store.measurements.watermark("traffic", model)
    if end is None or not store.catalog.model(model).segments:
        return [ALL]
    newest = store.measurements.query(model, metric="traffic.rows", start=end - timedelta(days=2), end=end)
    return [ALL, *sorted({given.segment for given in newest if given.segment != ALL})]


@st.cache_data(ttl=FRESH, show_spinner=False)
def labels_until(model: str, window: Window) -> tuple[datetime | None, float | None]:
    """Up to when predictions of the window have labels, and the share of its predictions that have one."""
    found = read(model, "performance.label_coverage", window, None, ALL)
    labelled = [given for given in found if given.value]
    return max((given.window.end for given in labelled), default=None), mean_coverage(found)


def mean_coverage(found: Sequence[Measurement]) -> float | None:
    """The share of predictions with a label over several windows, weighted by their predictions."""
    parts = [(given.value, given.rows) for given in found if given.value is not None]
    rows = sum(rows for _, rows in parts)
    return sum(value * weight for value, weight in parts) / rows if rows else None


@st.cache_data(ttl=FRESH, show_spinner=False)
def overview(name: str, window: Window, version: str | None, segment: str) -> Overview:
    """Read the model's page: a few queries over the measurements of the window."""
    model = runtime().store.catalog.model(name)
    traffic = read(name, "traffic.*", window, version, segment)
    performance = read(name, "performance.*", window, version, segment)
    foreseen = read(name, "estimation.*", window, version, segment)
    moved = read(name, "detection.*", window, version, segment) if model.settings.dial is not None else []
    if not moved:
        moved = [
            *read(name, "drift.*", window, version, segment),
            *read(name, "quality.*", window, version, segment),
        ]
    coverage = [given for given in performance if given.metric == "performance.label_coverage"]
    bars = _bars([given for given in traffic if given.metric == "traffic.rows"], coverage)
    rows = int(sum(bars.rows)) if bars else 0
    judged = [given for given in moved if given.metric in (EVIDENCE, *SHIFT) and ratio(given) is not None]
    newest = max((given.window for given in judged), key=lambda window: window.start, default=None)
    drifted = {given.feature for given in judged if breached(given) and given.window == newest}
    return Overview(
        volume=bars,
        rows=rows,
        latency=_titled(traffic, LATENCIES),
        device=_titled(traffic, DEVICE_TIMES),
        memory=_titled(traffic, DEVICE_MEMORY),
        score_mean=_weighted(traffic, "traffic.score_mean"),
        accuracy={
            metric: _by_version([given for given in performance if given.metric == metric])
            for metric in accuracy_metrics(model.schema.task)
        },
        estimates={
            metric: _by_version([given for given in foreseen if given.metric == estimated(metric)])
            for metric in accuracy_metrics(model.schema.task)
        },
        coverage=mean_coverage(coverage),
        ages=curve(coverage, runtime().clock.now()),
        cells=cells(model, moved),
        suspects=suspects(model, moved),
        drifted=len(inputs_of(model.schema, drifted)),
        drifted_in=newest,
        features=len(model.schema.features),
        detector=any(given.metric == EVIDENCE for given in moved),
        uncalibrated=uncalibrated(moved),
    )


def estimated(metric: str) -> str:
    """The metric that estimates a realised one.

    >>> estimated("performance.auc")
    'estimation.auc'
    """
    return f"estimation.{metric.partition('.')[2]}"


def doubts(found: Mapping[str, Sequence[Measurement]]) -> dict[str, str]:
    """Why the newest estimate of each version is not to be trusted; without those that nothing speaks against."""
    newest = {version: max(points, key=lambda each: each.window.start) for version, points in found.items() if points}
    return {version: str(each.details["doubt"]) for version, each in newest.items() if each.details.get("doubt")}


def _of(found: Sequence[Measurement], metric: str) -> list[Measurement]:
    """One measurement a window; of several versions, the one with most rows speaks."""
    best: dict[datetime, Measurement] = {}
    for given in found:
        if given.metric == metric and (given.window.start not in best or given.rows > best[given.window.start].rows):
            best[given.window.start] = given
    return [best[start] for start in sorted(best)]


def _titled(found: Sequence[Measurement], metrics: Sequence[str]) -> dict[str, list[Measurement]]:
    """The measurements of several metrics by their titles; without those that were never measured."""
    return {measure(metric).title: lines for metric in metrics if (lines := _of(found, metric))}


def _weighted(found: Sequence[Measurement], metric: str) -> float | None:
    of = [(given.value, given.rows) for given in found if given.metric == metric and given.value is not None]
    rows = sum(weight for _, weight in of)
    return sum(value * weight for value, weight in of) / rows if rows else None


def _by_version(found: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    versions: dict[str, list[Measurement]] = {}
    for given in found:
        versions.setdefault(given.version, []).append(given)
    return dict(sorted(versions.items()))


def _bars(traffic: Sequence[Measurement], coverage: Sequence[Measurement]) -> Bars | None:
    rows: dict[Window, float] = {}
    labelled: dict[Window, float] = {}
    for given in traffic:
        rows[given.window] = rows.get(given.window, 0.0) + (given.value or 0.0)
    for given in coverage:
        labelled[given.window] = labelled.get(given.window, 0.0) + (given.value or 0.0) * given.rows
    if not rows:
        return None
    order = sorted(rows, key=lambda window: window.start)
    return Bars(
        [window.start for window in order],
        [window.end for window in order],
        [rows[window] for window in order],
        [min(labelled.get(window, 0.0), rows[window]) for window in order] if labelled else None,
    )
