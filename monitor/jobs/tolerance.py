"""How much loss a version may have, told with every window: what an estimate without labels is held against."""

from typing import ClassVar, Final

from monitor.jobs import Job, JobContext
from monitor.jobs.cells import cells
from monitor.jobs.past import reference_by_window
from monitor.profile.binning import OUTCOME, SCORE, Binning
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.triage.loss import LOSSES, loss_of
from monitor.triage.tolerance import Bound, bound
from monitor.types import ALL, Measurement, Model, Scalar, Status, Window

METRIC: Final = "tolerance.loss"


class Tolerances:
    """What is tolerated of each version, read once until its reference or the settings change."""

    def __init__(self) -> None:
        self._bounds: dict[tuple[str, str], tuple[object, Bound | None]] = {}

    def of(self, context: JobContext, model: Model, binning: Binning, version: str) -> Bound | None:
        """Return what is tolerated of a version, by its owner's setting and its reference; None without labels."""
        replaced = context.store.profiles.references_replaced(model.name)
        versions = tuple(context.store.catalog.versions(model.name))
        stamp = (replaced, binning.id, model.schema, model.settings.window_hours, model.settings.tolerance, versions)
        place = (model.name, version)
        if self._bounds.get(place, (None,))[0] != stamp:
            self._bounds[place] = (stamp, _read(context, model, binning, version))
        return self._bounds[place][1]


def _read(context: JobContext, model: Model, binning: Binning, version: str) -> Bound | None:
    metric = model.settings.tolerance.metric or LOSSES[model.schema.task][0]
    reference = reference_by_window(context, model, binning, version, OUTCOME)
    ordered = [reference[each] for each in sorted(reference, key=lambda each: each.start)]
    losses = [loss_of(Outcome.of(model.schema, binning, counts), metric) for counts in ordered]
    return bound(metric, losses, model.settings.tolerance.amount)


class ToleranceJob(Job):
    """Measures ``tolerance.loss`` by version: the largest mean loss of a window that is no harm.

    ``details`` tell of which ``metric``, what is ``usual`` and how much more is ``tolerated``. Without labels in the
    reference nothing is known of it, and only hard faults page.
    """

    name: ClassVar[str] = "tolerance"

    def __init__(self) -> None:
        self._tolerances = Tolerances()

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Tell it of every version that has traffic in the window."""
        binning = context.store.catalog.binning(model.name)
        if binning is None or model.schema.task not in LOSSES:
            return []
        found = cells(context, model, window, ColumnProfile, columns=[SCORE])
        rows = {each.version: each.profile.rows if each.profile else 0 for each in found if each.segment == ALL}
        return [
            _measurement(model, window, version, rows[version], self._tolerances.of(context, model, binning, version))
            for version in sorted(rows)
        ]


def _measurement(model: Model, window: Window, version: str, rows: int, tolerated: Bound | None) -> Measurement:
    details: dict[str, Scalar] = {"title": "mean loss that is tolerated"}
    if tolerated is None:
        details["reason"] = "no labels in the reference, so nothing says what is usual"
    else:
        details |= {"metric": tolerated.metric, "usual": tolerated.usual, "tolerated": tolerated.amount}
        details["unit"] = unit_of(model, tolerated.metric)
    return Measurement(
        model=model.name,
        version=version,
        metric=METRIC,
        window=window,
        value=tolerated.most if tolerated else None,
        rows=rows,
        status=Status.OK if tolerated else Status.INSUFFICIENT,
        details=details,
    )


def unit_of(model: Model, metric: str) -> str:
    """Return what people read a loss in: the error of a regression has the target's unit."""
    return {"accuracy": "share", "mae": model.schema.target_unit}.get(metric, "")
