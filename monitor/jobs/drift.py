"""How far each input column and the model's output have moved from the reference, by every drift measure there is."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

import monitor.drift
from monitor.drift import DriftMeasure, describe
from monitor.jobs import Job, JobContext
from monitor.jobs.cells import Cell, cells, insufficient, too_few
from monitor.jobs.columns import watched
from monitor.jobs.references import ModelReferences, Reference
from monitor.plugins import plugins
from monitor.profile.column import ColumnProfile
from monitor.types import Measurement, Model, Status, Window

MIN_ROWS: Final = 100
"""Fewer usable values than this read "insufficient": distances of so few are mostly chance."""

_log = logging.getLogger(__name__)

_NOTHING: Final = "one of reference and window has no value to compare"


class DriftJob(Job):
    """Measures ``drift.<measure>`` of each column (``_score`` and ``_prediction`` too) by version and segment."""

    name: ClassVar[str] = "drift"

    def __init__(self) -> None:
        found = plugins(monitor.drift, DriftMeasure)
        self._measures = [measure() for measure in found.values()]

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Compare every profile of the window with its reference."""
        references = context.references.of(context.store, model)
        found: list[Measurement] = []
        for cell in cells(context, model, window, ColumnProfile):
            if watched(model, cell.column):
                found += self._cell(references, model, window, cell)
        return found

    def _cell(
        self, references: ModelReferences, model: Model, window: Window, cell: Cell[ColumnProfile]
    ) -> Iterator[Measurement]:
        reference = None
        try:
            reference = references.get(cell.version, cell.segment, cell.column)
        except ValueError as error:
            _log.error("model %s: the reference of column %r cannot be read: %s", model.name, cell.column, error)
            cell = replace(cell, profile=None, error=str(error))
        for measure in self._measures:
            measured = self._measure(measure, model, window, cell, reference)
            if measured is not None:
                yield measured

    def _measure(
        self,
        measure: DriftMeasure,
        model: Model,
        window: Window,
        cell: Cell[ColumnProfile],
        reference: Reference | None,
    ) -> Measurement | None:
        """Return one measurement; None where the measure is not for this kind of column."""
        metric = f"drift.{measure.name}"
        current = cell.profile
        if current is None:
            return insufficient(model, cell, metric, window, feature=cell.column, reason=cell.error)
        if current.kind not in measure.kinds:
            return None
        if reference is None or not isinstance(reference.whole, ColumnProfile):
            reason = "no reference for this version and segment"
            return insufficient(model, cell, metric, window, rows=current.present, feature=cell.column, reason=reason)
        try:
            value = measure.score(reference.whole, current)
        except (ValueError, ArithmeticError) as error:
            _log.error("model %s: %s of column %r failed: %s", model.name, metric, cell.column, error)
            return insufficient(
                model, cell, metric, window, rows=current.present, feature=cell.column, reason=str(error)
            )
        bound = reference.thresholds[measure.name]
        few = value is None or current.present < MIN_ROWS
        return Measurement(
            model=model.name,
            version=cell.version,
            metric=metric,
            feature=cell.column,
            segment=cell.segment,
            window=window,
            value=value,
            rows=current.present,
            coverage=current.present / current.rows if current.rows else None,
            threshold=bound.threshold,
            status=_status(value, bound.threshold, few=few),
            details={
                "title": measure.title,
                "unit": measure.unit,
                "calibrated": bound.calibrated,
                "reference_version": reference.version,
                "reference_rows": reference.whole.present,
                **describe(reference.whole, current),
                **({"reason": _NOTHING} if value is None else {}),
                **too_few(current.present, MIN_ROWS, "rows with a value"),
            },
        )


def _status(value: float | None, threshold: float, *, few: bool) -> Status:
    if few or value is None:
        return Status.INSUFFICIENT
    return Status.BREACH if value > threshold else Status.OK
