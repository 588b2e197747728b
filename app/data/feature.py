"""One column: how its values lie now beside the reference, and how far it drifted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from app.data.fleet import FRESH
from app.data.judged import Judged, judged, stood, why
from app.data.model import read
from app.data.movement import ratio
from app.data.names import EFFECTS, EVIDENCE, SHIFT, column
from app.runtime import runtime
from monitor.charts.categories import OTHER, UNSEEN
from monitor.charts.histogram import Histogram
from monitor.jobs.references import source_of
from monitor.profile.binning import NumericBins
from monitor.profile.build import read as read_profiles
from monitor.profile.column import ColumnProfile
from monitor.types import ALL, Feature, Kind, Measurement, Model, Window

CONTEXT = timedelta(days=30)
"""How far back a column's drift is drawn at least, and half of it ahead, so that a short window has its context."""


@dataclass(frozen=True, slots=True)
class Side:
    """One column's values over one set of rows, ready to draw."""

    rows: int
    missing: float | None
    outside: float | None  # out of range, or of a category never seen
    mean: float
    std: float
    histogram: Histogram | None
    categories: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the feature's page draws."""

    feature: Feature
    current: Side | None
    reference: Side | None
    shift: Mapping[str, list[Measurement]]  # version → what speaks for the column, over the window and around it
    shift_metric: str
    stood: tuple[str, ...]  # how far the detector was at the end of the window, a sentence a version
    why: tuple[str, ...]
    judged: tuple[Judged, ...]


def side(profile: ColumnProfile | None, kind: Kind) -> Side | None:
    """Turn a column's profile into what charts take; None where there is none."""
    if profile is None or not profile.rows:
        return None
    missing = (profile.nulls + profile.invalid) / profile.rows
    if kind is Kind.TIMESTAMP:  # its values always move on; only that they are missing means anything
        return Side(profile.rows, missing, None, float("nan"), float("nan"), None, None)
    if kind is Kind.BOOLEAN and isinstance(profile.binning, NumericBins):
        yes = round(profile.mean * profile.present) if profile.present else 0
        named = {"no": float(profile.present - yes), "yes": float(yes)}
        return Side(profile.rows, missing, None, float("nan"), float("nan"), None, named if profile.present else {})
    if isinstance(profile.binning, NumericBins):
        histogram = None
        if len(profile.binning.edges) > 1:
            histogram = Histogram(
                profile.binning.edges,
                profile.bins.astype(np.float64),
                float(profile.below),
                float(profile.above),
                profile.minimum,
                profile.maximum,
            )
        outside = (profile.below + profile.above) / profile.present if profile.present else None
        return Side(profile.rows, missing, outside, profile.mean, profile.std, histogram, None)
    named = {
        {"(other)": OTHER, "(unseen)": UNSEEN}.get(label, label): float(rows)
        for label, rows in zip(profile.labels, profile.mass.tolist(), strict=True)
        if rows
    }
    outside = profile.unseen / profile.present if profile.present else None
    return Side(profile.rows, missing, outside, float("nan"), float("nan"), None, named)


def _profiles(model: Model, pieces: pa.Table) -> dict[str, ColumnProfile]:
    binning = runtime().store.catalog.binning(model.name)
    if binning is None:
        return {}
    pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))  # what was counted in earlier bins does not compare
    if not pieces.num_rows:
        return {}
    found = read_profiles(pieces, binning, model.schema)
    return {name: profile for name, profile in found.items() if isinstance(profile, ColumnProfile)}


@st.cache_data(ttl=3600, max_entries=64, show_spinner=False)
def reference_sides(
    name: str, version: str | None, segment: str, columns: tuple[str, ...], mark: str
) -> dict[str, Side]:
    """The reference's side of some columns; one without a reference is compared with the version before it.

    Args:
        name: the model.
        version: a version, or None for the newest with a reference.
        segment: whose rows.
        columns: which columns.
        mark: changes when a reference is registered, so that the reading is made anew.
    """
    del mark
    store = runtime().store
    model = store.catalog.model(name)
    known = store.catalog.versions(name)
    chosen = source_of(known, version or (known[-1].version if known else ""))
    if chosen is None:
        return {}
    pieces = store.profiles.reference(name, chosen.version, columns=list(columns), segment=segment)
    found = _profiles(model, pieces)
    sides = {each: side(profile, column(model.schema, each).kind) for each, profile in found.items()}
    return {each: given for each, given in sides.items() if given is not None}


def reference_mark(name: str) -> str:
    """What changes whenever a reference of the model is registered."""
    known = runtime().store.catalog.versions(name)
    return ",".join(f"{version.version}:{version.reference}:{version.reference_rows}" for version in known)


@st.cache_data(ttl=FRESH, max_entries=128, show_spinner=False)
def reading(name: str, feature: str, window: Window, version: str | None, segment: str) -> Reading:
    """Read the feature's page: the window's pieces of one column, and its measurements."""
    running = runtime()
    model = running.store.catalog.model(name)
    known = column(model.schema, feature)
    pieces = running.ingest.pieces(name, window, columns=[feature], version=version, segment=segment)
    current = side(_profiles(model, pieces).get(feature), known.kind)
    reference = reference_sides(name, version, segment, (feature,), reference_mark(name)).get(feature)
    around = Window(min(window.start, window.end - CONTEXT), window.end + CONTEXT / 2)
    long = read(name, "drift.*", around, None, segment, feature)
    found = [
        given for given in long if window.start <= given.window.start < window.end and version in (None, given.version)
    ]
    found += read(name, "quality.*", window, version, segment, feature)
    found += read(name, "detection.*", window, version, segment, feature)
    gathered = read(name, EVIDENCE, around, None, segment, feature) if model.settings.dial is not None else []
    long = gathered or long
    metric = EVIDENCE if gathered else _telling(found) or _telling(long) or SHIFT[0]
    shift: dict[str, list[Measurement]] = {}
    for given in long:
        if given.metric == metric:
            shift.setdefault(given.version, []).append(given)
    return Reading(
        feature=known,
        current=current,
        reference=reference,
        shift=dict(sorted(shift.items())),
        shift_metric=metric,
        stood=stood([given for given in gathered if window.start <= given.window.start < window.end]),
        why=why(model, found),
        judged=judged([given for given in found if given.metric not in EFFECTS], known.unit),
    )


def measurable(name: str) -> bool:
    """Whether columns of a model are measured at all: there is a reference, or a first day of traffic is over."""
    return runtime().store.catalog.binning(name) is not None


def _telling(found: list[Measurement]) -> str | None:
    """The measure of shift that went farthest, as a multiple of its threshold."""
    judged = [given for given in found if given.metric in SHIFT]
    return max(judged, key=lambda given: ratio(given) or 0.0).metric if judged else None


def features_of(model: Model) -> list[str]:
    """Every column that can be looked at: inputs in their order, then the answer, latency, unknown columns."""
    answer = ["_score"] if model.schema.task.value == "regression" else ["_score", "_prediction"]
    return [*(feature.name for feature in model.schema.features), *answer, "_latency_ms", "_new"]


def worst_feature(name: str, window: Window, version: str | None) -> str | None:
    """The column farthest beyond its threshold in a window, to open with; None where all are calm."""
    found = [
        given
        for metric in (EVIDENCE, *SHIFT)
        for given in read(name, metric, window, version, ALL)
        if given.feature and not given.feature.startswith("_")
    ]
    found = [given for given in found if given.metric == EVIDENCE] or found
    worst = max(found, key=lambda given: ratio(given) or 0.0, default=None)
    return worst.feature if worst is not None else None
