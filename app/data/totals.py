"""One model over a whole window as one number each: accuracy and latency of all its rows, not of one day."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from app.runtime import runtime
from monitor.jobs.worth import Measures
from monitor.profile.binning import LATENCY, OUTCOME
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.types import Window

FRESH = 30  # seconds a reading stays good


@dataclass(frozen=True, slots=True)
class Totals:
    """What all rows of a window together come to.

    Attributes:
        labels: predictions with a usable label.
        accuracy: metric → value over all of them; without those that are not defined.
        p50: the latency that half stay under, in ms.
        p95: the latency that 95 % stay under.
    """

    labels: int = 0
    accuracy: Mapping[str, float] = field(default_factory=dict)
    p50: float | None = None
    p95: float | None = None


@st.cache_data(ttl=FRESH, max_entries=64, show_spinner=False)
def totals(name: str, window: Window, version: str | None, segment: str) -> Totals:
    """Merge the hourly summaries of a window, of one version or all; exact, and as cheap as the hours are many."""
    running = runtime()
    model = running.store.catalog.model(name)
    binning = running.store.catalog.binning(name)
    pieces = running.ingest.pieces(name, window, columns=[OUTCOME, LATENCY], version=version, segment=segment)
    if binning is None or not pieces.num_rows:
        return Totals()
    found = read(pieces, binning, model.schema)
    outcome, latency = found.get(OUTCOME), found.get(LATENCY)
    p50 = p95 = None
    if isinstance(latency, ColumnProfile) and latency.present:
        p50, p95 = latency.quantile(0.5), latency.quantile(0.95)
    if not isinstance(outcome, Outcome) or not outcome.judged:
        return Totals(p50=p50, p95=p95)
    values = {f"performance.{measure.name}": measure.value(outcome) for measure in Measures().of(model)}
    return Totals(outcome.judged, {metric: value for metric, value in values.items() if value is not None}, p50, p95)
