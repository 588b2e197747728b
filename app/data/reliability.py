"""Whether a binary model's scores come true in a window, what its answers were worth, and which labels are missing."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.runtime import runtime
from monitor.estimation.expected import reweighted
from monitor.estimation.missing import Missing, missing
from monitor.performance.auc import RocAuc
from monitor.performance.business_value import value_per_prediction
from monitor.performance.calibration_error import CalibrationError, Reliability, reliability
from monitor.profile.binning import OUTCOME, SCORE
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.types import Task, Window

FRESH = 30


@dataclass(frozen=True, slots=True)
class Trueness:
    """What the labels of a window say of its scores.

    Attributes:
        curve: the reliability curve.
        error: the expected calibration error; None without labelled scores.
        worth: the mean value of a judged prediction; None where the owner set no values, or without labels.
        judged: how many predictions that is the mean of.
        missing: how scores with and without a label differ; None where there is too little of either.
        auc: of the labels that came, and weighted by score as if none were missing; None unless they differ.
    """

    curve: Reliability
    error: float | None
    worth: float | None
    judged: int
    missing: Missing | None
    auc: tuple[float, float] | None


@st.cache_data(ttl=FRESH, max_entries=64, show_spinner=False)
def trueness(name: str, window: Window, version: str | None, segment: str) -> Trueness | None:
    """Merge the summaries of a window; None for other tasks, and where no label with a score has come."""
    running = runtime()
    model = running.store.catalog.model(name)
    binning = running.store.catalog.binning(name)
    if binning is None or model.schema.task is not Task.BINARY:
        return None
    pieces = running.ingest.pieces(name, window, columns=[OUTCOME, SCORE], version=version, segment=segment)
    found = read(pieces, binning, model.schema) if pieces.num_rows else {}
    outcome, score = found.get(OUTCOME), found.get(SCORE)
    if not isinstance(outcome, Outcome) or not isinstance(score, ColumnProfile) or not outcome.scored:
        return None
    rows = score.bins.astype(np.float64)
    gap = missing(outcome.score_counts[0].sum(axis=0).astype(np.float64), rows)
    weighted = reweighted(outcome, rows) if gap is not None and gap.differs else None
    areas = (RocAuc().value(outcome), RocAuc().value(weighted)) if weighted is not None else (None, None)
    values = model.settings.outcome_values
    return Trueness(
        curve=reliability(outcome),
        error=CalibrationError().value(outcome),
        worth=None if values is None else value_per_prediction(outcome, values),
        judged=outcome.judged,
        missing=gap,
        auc=(areas[0], areas[1]) if areas[0] is not None and areas[1] is not None else None,
    )
