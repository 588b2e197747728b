"""How good the predictions turned out to be, from labels as they come in, with the share of labels it stands on."""

import logging
import math
from datetime import timedelta
from typing import ClassVar, Final

from monitor.charts.format import rate
from monitor.jobs import Job, JobContext
from monitor.jobs.ages import noted
from monitor.jobs.cells import Cell, cells, too_few
from monitor.jobs.references import ModelReferences
from monitor.jobs.typical import Typical, seen, typical
from monitor.jobs.worth import Measures
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import OUTCOME, PREDICTION, SCORE
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.types import Measurement, Model, Scalar, Status, Task, Window

MIN_LABELS: Final = 100
MIN_COVERAGE: Final = 0.2
"""With fewer labels, or a smaller share of them, a window says "not enough data": early labels are rarely typical."""

COVERAGE: Final = "performance.label_coverage"
_log = logging.getLogger(__name__)


class PerformanceJob(Job):
    """Measures ``performance.<measure>`` and ``performance.label_coverage`` by version and segment.

    ``rows`` is how many rows had a label (for the coverage itself: how many were predicted).
    """

    name: ClassVar[str] = "performance"
    late: ClassVar[bool] = True

    def __init__(self) -> None:
        self._measures = Measures()

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Measure every version and segment that predicted something in the window."""
        outcomes = {
            (cell.version, cell.segment): cell for cell in cells(context, model, window, Outcome, columns=[OUTCOME])
        }
        references = context.references.of(context.store, model)
        residuals = seen(context, model, context.store.catalog.binning(model.name), window)
        predictions = {
            (cell.version, cell.segment): cell.profile
            for cell in cells(context, model, window, ColumnProfile, columns=[PREDICTION])
            if model.schema.task is Task.MULTICLASS
        }
        before, now = _coverages(context, model, window), context.clock.now()
        found = []
        for cell in cells(context, model, window, ColumnProfile, columns=[SCORE]):
            if cell.profile is None:
                continue
            outcome = outcomes.get((cell.version, cell.segment))
            labelled = outcome.profile.rows if outcome is not None and outcome.profile is not None else 0
            predicted = cell.profile.rows
            truth = outcome.profile if outcome is not None else None
            place = (cell.version, cell.segment)
            told = typical(model, cell.profile, truth, residuals.get(place), predictions.get(place))
            ages = noted(before.get(place), window, now)
            found.append(self._coverage(model, window, cell, labelled, predicted, told, ages))
            if outcome is not None:
                coverage = labelled / predicted if predicted else None
                found += [
                    self._measure(measure, references, model, window, outcome, coverage, told)
                    for measure in self._measures.of(model)
                ]
        return found

    def _coverage(
        self,
        model: Model,
        window: Window,
        cell: Cell[ColumnProfile],
        labelled: int,
        predicted: int,
        told: Typical | None,
        ages: dict[str, Scalar],
    ) -> Measurement:
        details: dict[str, Scalar] = {"title": "label coverage", "unit": "share", "labelled": labelled, **ages}
        if told is not None:
            details |= {"missing": str(told.missing), "missing_at_random": not told.missing.differs}
        return Measurement(
            model=model.name,
            version=cell.version,
            metric=COVERAGE,
            segment=cell.segment,
            window=window,
            value=labelled / predicted if predicted else None,
            rows=predicted,
            status=Status.OK if predicted else Status.INSUFFICIENT,
            details=details if predicted else details | {"reason": "no predictions"},
        )

    def _measure(
        self,
        measure: PerformanceMeasure,
        references: ModelReferences,
        model: Model,
        window: Window,
        cell: Cell[Outcome],
        coverage: float | None,
        told: Typical | None,
    ) -> Measurement:
        outcome = cell.profile
        details: dict[str, Scalar] = {"title": measure.title, "unit": _unit(measure, model), "better": measure.better}
        value, rows = None, 0
        try:
            if outcome is None:
                raise ValueError(cell.error)
            rows = outcome.rows
            value = measure.value(outcome)
            details |= _before(measure, references, cell)
            if told is not None:
                weighted = told.reweighted(measure)
                details |= {} if weighted is None or not math.isfinite(weighted) else {"reweighted": weighted}
        except (ValueError, ArithmeticError) as error:
            _log.error("model %s: performance.%s failed: %s", model.name, measure.name, error)
            details["reason"] = str(error)
        if value is not None and not math.isfinite(value):
            value = None
        enough = value is not None and rows >= MIN_LABELS and (coverage or 0.0) >= MIN_COVERAGE
        if not enough and "reason" not in details:
            details |= _why(rows, coverage)
        return Measurement(
            model=model.name,
            version=cell.version,
            metric=f"performance.{measure.name}",
            segment=cell.segment,
            window=window,
            value=value,
            rows=rows,
            coverage=coverage,
            status=Status.OK if enough else Status.INSUFFICIENT,
            details=details,
        )


def _why(rows: int, coverage: float | None) -> dict[str, Scalar]:
    """Return why a number is not there, or is not judged."""
    few = too_few(rows, MIN_LABELS, "labels")
    if few or (coverage or 0.0) >= MIN_COVERAGE:
        return few or {"reason": "these labels do not tell it: all are of one class, or alike"}
    return {"reason": f"{rate(coverage or 0.0)} of the labels have come; {rate(MIN_COVERAGE)} are needed"}


def _coverages(context: JobContext, model: Model, window: Window) -> dict[tuple[str, str], Measurement]:
    """Return the window's coverage as it was measured last, by version and segment."""
    found = context.store.measurements.query(
        model.name, metric=COVERAGE, start=window.start, end=window.start + timedelta(microseconds=1)
    )
    return {(each.version, each.segment): each for each in found if each.window == window}


def _before(measure: PerformanceMeasure, references: ModelReferences, cell: Cell[Outcome]) -> dict[str, Scalar]:
    """Return the measure on the reference's labels, where it has some."""
    reference = references.get(cell.version, cell.segment, OUTCOME)
    if reference is None or not isinstance(reference.whole, Outcome):
        return {}
    value = measure.value(reference.whole)
    return {} if value is None or not math.isfinite(value) else {"reference_value": value}


def _unit(measure: PerformanceMeasure, model: Model) -> str:
    return model.schema.target_unit if measure.unit == "target" else measure.unit
