"""What is wrong with each column's values: missing, never seen, out of range, not a number, of another type."""

import logging
from typing import ClassVar

import monitor.quality
from monitor.drift import describe
from monitor.jobs import Job, JobContext
from monitor.jobs.cells import Cell, cells, insufficient, too_few
from monitor.jobs.columns import SILENT, limits
from monitor.jobs.drift import MIN_ROWS
from monitor.jobs.references import ModelReferences
from monitor.plugins import plugins
from monitor.profile.binning import NEW
from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure
from monitor.types import Kind, Measurement, Model, Scalar, Status, Window

_RANGE = "out_of_range_share"
_log = logging.getLogger(__name__)


class QualityJob(Job):
    """Measures ``quality.<measure>`` of each column by version and segment.

    The bound is what ordinary windows of the reference stay under (see `monitor.jobs.ordinary`): a column that was
    always half empty is no news.
    """

    name: ClassVar[str] = "quality"

    def __init__(self) -> None:
        found = plugins(monitor.quality, QualityMeasure)
        self._measures = [measure() for measure in found.values()]

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Look for faults in every profile of the window."""
        references = context.references.of(context.store, model)
        found = []
        for cell in cells(context, model, window, ColumnProfile):
            if cell.column == "_latency_ms":
                continue
            for measure in self._measures:
                measured = self._measure(measure, references, model, window, cell)
                if measured is not None:
                    found.append(measured)
        return found

    def _measure(
        self,
        measure: QualityMeasure,
        references: ModelReferences,
        model: Model,
        window: Window,
        cell: Cell[ColumnProfile],
    ) -> Measurement | None:
        """Return one measurement; None where the measure is not for this kind of column."""
        metric = f"quality.{measure.name}"
        current = cell.profile
        if current is None:
            return insufficient(model, cell, metric, window, feature=cell.column, reason=cell.error)
        if current.kind not in measure.kinds or not _meant(measure, model, cell.column):
            return None
        try:
            reference = references.get(cell.version, cell.segment, cell.column)
            whole = reference.whole if reference is not None else None
            before = measure.value(whole) if isinstance(whole, ColumnProfile) else None
            value = measure.value(current)
        except (ValueError, ArithmeticError) as error:
            _log.error("model %s: %s of column %r failed: %s", model.name, metric, cell.column, error)
            return insufficient(model, cell, metric, window, rows=current.rows, feature=cell.column, reason=str(error))
        threshold = measure.floor if reference is None else reference.ordinary[measure.name]
        details: dict[str, Scalar] = {"title": measure.title, "unit": measure.unit, "reference_value": before}
        if isinstance(whole, ColumnProfile) and cell.column != NEW:
            details |= describe(whole, current)
            details |= limits(whole, current) if measure.name == _RANGE else {}
        few = value is None or current.rows < MIN_ROWS
        details |= {"reason": "no value that it could be told from"} if value is None else {}
        details |= too_few(current.rows, MIN_ROWS)
        return Measurement(
            model=model.name,
            version=cell.version,
            metric=metric,
            feature=cell.column,
            segment=cell.segment,
            window=window,
            value=value,
            rows=current.rows,
            threshold=threshold,
            status=Status.INSUFFICIENT if few else Status.BREACH if (value or 0.0) > threshold else Status.OK,
            details=details,
        )


def _meant(measure: QualityMeasure, model: Model, column: str) -> bool:
    """Times always leave the reference's range, and no range of ids means anything; that they are missing does."""
    if NEW in {measure.column, column}:
        return measure.column == column
    feature = model.schema.feature(column)
    kind = feature.kind if feature is not None else Kind.NUMERIC
    return kind not in SILENT or measure.name in {"null_share", "retyped_share"}
