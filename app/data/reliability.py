"""Whether a model's scores come true in a window, what its answers were worth, and which labels are missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc
import streamlit as st

from app.data.names import QUALITY_FIRST
from app.runtime import runtime
from monitor.estimation.missing import Missing
from monitor.jobs.typical import Typical, residuals_of, typical
from monitor.jobs.worth import Measures
from monitor.performance.business_value import value_per_prediction
from monitor.performance.calibration_error import Reliability, gap, reliability
from monitor.profile.binning import OUTCOME, PREDICTION, SCORE
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.residuals import RESIDUALS
from monitor.profile.values import Ints
from monitor.types import Model, Task, Window

FRESH = 30


@dataclass(frozen=True, slots=True)
class Trueness:
    """What the labels of a window say of its scores.

    Attributes:
        curves: the reliability curve of each class that is told apart, of a binary task the positive one; without
            labelled scores, and for other tasks, none.
        confusion: rows by (label, prediction) of a multiclass task; None for others.
        worth: the mean value of a judged prediction; None where the owner set no values, or without labels.
        judged: how many predictions that is the mean of.
        missing: how scores with and without a label differ; None where there is too little of either.
        weighted: the first measure's title and unit, what it is of the labels that came, and weighted by score as if
            none were missing; None unless they differ.
    """

    curves: Mapping[str, Reliability]
    confusion: Ints | None
    worth: float | None
    judged: int
    missing: Missing | None
    weighted: tuple[str, str, float, float] | None

    def error(self, name: str) -> float:
        """The expected calibration error of one class."""
        return gap(self.curves[name])


@st.cache_data(ttl=FRESH, max_entries=64, show_spinner=False)
def trueness(name: str, window: Window, version: str | None, segment: str) -> Trueness | None:
    """Merge the summaries of a window; None where no usable label has come."""
    running = runtime()
    model = running.store.catalog.model(name)
    binning = running.store.catalog.binning(name)
    if binning is None:
        return None
    columns = [OUTCOME, SCORE, PREDICTION, RESIDUALS]
    pieces = running.ingest.pieces(name, window, columns=columns, version=version, segment=segment)
    pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
    losses = pc.equal(pieces["column"], RESIDUALS)
    found = read(pieces.filter(pc.invert(losses)), binning, model.schema)
    outcome, score = found.get(OUTCOME), found.get(SCORE)
    if not isinstance(outcome, Outcome) or not isinstance(score, ColumnProfile) or not outcome.judged:
        return None
    parts = list(residuals_of(pieces.filter(losses), model, binning).values())
    labelled = sum(parts[1:], parts[0]) if parts else None
    predictions = found.get(PREDICTION)
    told = typical(model, score, outcome, labelled, predictions if isinstance(predictions, ColumnProfile) else None)
    values = model.settings.outcome_values
    several = model.schema.task is Task.MULTICLASS
    shown = model.schema.classes if several else model.schema.classes[1:]
    return Trueness(
        curves={each: reliability(outcome, at) for at, each in enumerate(shown[: len(outcome.score_counts)])}
        if outcome.scored
        else {},
        confusion=outcome.confusion if several else None,
        worth=None if values is None else value_per_prediction(outcome, values),
        judged=outcome.judged,
        missing=None if told is None else told.missing,
        weighted=_weighted(model, outcome, told),
    )


def _weighted(model: Model, outcome: Outcome, told: Typical | None) -> tuple[str, str, float, float] | None:
    first = next(each for each in Measures().of(model) if each.name == QUALITY_FIRST[model.schema.task])
    came = first.value(outcome)
    mended = None if told is None else told.reweighted(first)
    if came is None or mended is None:
        return None
    return first.title, model.schema.target_unit if first.unit == "target" else first.unit, came, mended
