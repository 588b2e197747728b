"""How good predictions are before their labels come, with an interval, and when not to trust that."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Final

import numpy as np

from monitor.estimation.anchor import Past
from monitor.estimation.band import Estimate, estimate
from monitor.estimation.doubt import doubt
from monitor.jobs import Job, JobContext
from monitor.jobs.cells import Cell, cells, insufficient, too_few
from monitor.jobs.labelled import LOOKED_BACK, Labelled, Realised
from monitor.jobs.performance import MIN_COVERAGE, MIN_LABELS
from monitor.jobs.promise import ByScore, Promise, Promises, past_of
from monitor.jobs.promise_classes import class_scores
from monitor.jobs.worth import Measures
from monitor.performance import PerformanceMeasure
from monitor.profile.binning import PREDICTION, SCORE
from monitor.profile.column import ColumnProfile
from monitor.profile.values import Floats
from monitor.types import ALL, Measurement, Model, Scalar, Status, Task, Window

CLOSED_AT: Final = 0.9
"""A window counts as labelled at this coverage, or once the label deadline has passed."""
OFF_THRESHOLD: Final = 0.01
"""Where more predictions than this do not follow the threshold, what depends on them is not estimated."""

_WHY: Final = {
    Task.BINARY: "there are none between 0 and 1, or they are too alike",
    Task.MULTICLASS: "top scores give the accuracy, and those of each class, over all traffic, AUC, Brier score, "
    "log-loss, calibration and, where the highest score is what is predicted, precision, recall and F1",
    Task.REGRESSION: "residuals by prediction give the errors alone",
    Task.RANKING: "the highest scores of queries give nDCG alone",
}
_BY_PREDICTION = frozenset({"accuracy", "precision", "recall", "f1", "value_per_prediction"})
Truths = Mapping[tuple[str, str], Mapping[Window, Realised]]
Pasts = Mapping[tuple[str, str, str], tuple[Past, int]]


class EstimationJob(Job):
    """Measures ``estimation.<measure>`` by version and segment, from scores alone.

    ``interval`` holds the realised value in nine windows of ten. The details say what scores promise (``promised``),
    what labelled windows add to it (``offset``), and in ``doubt`` why not to trust it, if so; where its interval says
    nothing it is ``vague``. A window is estimated when it closes, and keeps that estimate when its labels come.
    """

    name: ClassVar[str] = "estimation"

    def __init__(self) -> None:
        self._measures = Measures()
        self._promises = Promises()
        self._labelled = Labelled()

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Estimate every version and segment that predicted something in the window."""
        binning = context.store.catalog.binning(model.name)
        if binning is None:
            return []
        kept = _kept(context, model, window)
        measures = [each for each in self._measures.of(model) if not each.of_labels]
        truths = self._labelled.before(context, model, binning, window, measures)
        pasts = _pasts(context, model, window, truths)
        answers = {
            (cell.version, cell.segment): cell.profile
            for cell in cells(context, model, window, ColumnProfile, columns=[PREDICTION])
        }
        classes = class_scores(context, model, binning, window)
        found = []
        for cell in cells(context, model, window, ColumnProfile, columns=[SCORE]):
            promise = self._promises.of(context.store, model, binning, cell.version, measures).get(cell.segment)
            if promise is None or cell.profile is None:
                reason = cell.error or "the reference has no labels here, so nothing says what scores mean"
                found += [_none(model, cell, window, measure, reason) for measure in measures]
                continue
            answered = answers.get((cell.version, cell.segment))
            scores = classes.get(cell.version) if cell.segment == ALL else None
            for given in _cell(model, window, cell, promise, answered, scores, pasts, measures):
                before = kept.get((given.version, given.segment, given.metric))
                same = before is not None and before.details.get("promised") == given.details.get("promised")
                found.append(before if before is not None and same else given)
        return found


def _cell(
    model: Model,
    window: Window,
    cell: Cell[ColumnProfile],
    promise: Promise,
    answered: ColumnProfile | None,
    scores: Floats | None,
    pasts: Pasts,
    measures: Sequence[PerformanceMeasure],
) -> list[Measurement]:
    profile = cell.profile
    assert profile is not None  # noqa: S101 - cells that could not be read are not estimated
    foreseen = promise.foresight.foresee(profile, measures)
    if promise.classes is not None and scores is not None:
        predicted = None if answered is None else answered.bins[: len(model.schema.classes)].astype(np.float64)
        more = promise.classes.foresee(scores, measures, predicted)
        foreseen = [one or other for one, other in zip(foreseen, more, strict=True)]
    unsupported = promise.foresight.unsupported(profile)
    strays = promise.foresight.strays(profile, answered) if isinstance(promise.foresight, ByScore) else 0.0
    found = []
    for measure, given in zip(measures, foreseen, strict=True):
        if given is None:
            reason = f"the scores of this window say nothing of it: {_WHY[model.schema.task]}"
            found.append(_none(model, cell, window, measure, reason))
        elif measure.name in _BY_PREDICTION and strays > OFF_THRESHOLD:
            reason = f"{strays * 100:.0f} % of the predictions do not follow the threshold {model.schema.threshold:g}"
            found.append(_none(model, cell, window, measure, reason))
        else:
            value, chance = given
            live, ahead = pasts.get((measure.name, cell.version, cell.segment), (past_of([]), 1))
            past = _joined(promise.past[measure.name], live)
            estimated = estimate(value, chance, past, ahead, _bounds(measure))
            found.append(_measurement(model, cell, window, measure, estimated, chance, unsupported, len(live)))
    return found


def _joined(before: Past, live: Past) -> Past:
    return Past(
        np.concatenate([before.promised, live.promised]),
        np.concatenate([before.realised, live.realised]),
        np.concatenate([before.chance, live.chance]),
    )


def _bounds(measure: PerformanceMeasure) -> tuple[float, float]:
    if measure.unit == "share" or measure.name in ("auc", "ndcg"):
        return 0.0, 1.0
    return (-math.inf, math.inf) if measure.signed or measure.better == "higher" else (0.0, math.inf)


def _measurement(
    model: Model,
    cell: Cell[ColumnProfile],
    window: Window,
    measure: PerformanceMeasure,
    given: Estimate,
    chance: float,
    unsupported: float,
    labelled: int,
) -> Measurement:
    rows = cell.profile.rows if cell.profile is not None else 0
    unit = model.schema.target_unit if measure.unit == "target" else measure.unit
    details: dict[str, Scalar] = {
        "title": measure.title,
        "unit": unit,
        "better": measure.better,
        "promised": given.promised,
        "offset": given.offset,
        "chance": chance,
        "labelled_windows": labelled,
        "reference_windows": given.windows - labelled,
        "outside": given.outside,
        "unsupported": unsupported,
        "tested": given.tested,
        "trusted": True,
    }
    said = doubt(given, unsupported)
    if said:
        details |= {"trusted": False, "doubt": said}
    if given.vague:
        details["vague"] = True
    details |= too_few(rows, MIN_LABELS)
    return Measurement(
        model=model.name,
        version=cell.version,
        metric=f"estimation.{measure.name}",
        segment=cell.segment,
        window=window,
        value=given.value,
        rows=rows,
        interval=(given.low, given.high),
        status=Status.OK if rows >= MIN_LABELS else Status.INSUFFICIENT,
        details=details,
    )


def _none(
    model: Model, cell: Cell[ColumnProfile], window: Window, measure: PerformanceMeasure, reason: str
) -> Measurement:
    rows = cell.profile.rows if cell.profile is not None else 0
    metric = f"estimation.{measure.name}"
    return insufficient(model, cell, metric, window, rows=rows, title=measure.title, reason=reason)


def _kept(context: JobContext, model: Model, window: Window) -> dict[tuple[str, str, str], Measurement]:
    """Return what was estimated of the window before: it stays, so that no estimate knows what came after it."""
    found = context.store.measurements.query(
        model.name, metric="estimation.*", start=window.start, end=window.start + timedelta(microseconds=1)
    )
    return {(each.version, each.segment, each.metric): each for each in found if each.window == window}


def _pasts(context: JobContext, model: Model, window: Window, truths: Truths) -> Pasts:
    """Return, by measure, version and segment, the labelled windows before one, and how far ahead of them it is."""
    start = window.start - LOOKED_BACK * window.length
    by_window: dict[tuple[str, str, str], dict[Window, tuple[float, float, float]]] = defaultdict(dict)
    for each in context.store.measurements.query(model.name, metric="estimation.*", start=start, end=window.start):
        measure = each.metric.partition(".")[2]
        said = truths.get((each.version, each.segment), {}).get(each.window)
        promise, chance = each.details.get("promised"), each.details.get("chance")
        if said is None or not _closed(each, said, model, window) or measure not in said.values:
            continue
        if isinstance(promise, float) and isinstance(chance, float):
            by_window[measure, each.version, each.segment][each.window] = (promise, said.values[measure], chance)
    found = {}
    for key, windows in by_window.items():
        order = sorted(windows, key=lambda each: each.start)
        ahead = max(1, (window.start - order[-1].start) // window.length)
        found[key] = (past_of([windows[each] for each in order]), ahead)
    return found


def _closed(estimated: Measurement, said: Realised, model: Model, window: Window) -> bool:
    """Whether a window's labels are in, or late beyond the deadline, as seen at the end of a later window."""
    if said.rows < MIN_LABELS or not estimated.rows:
        return False
    coverage = said.rows / estimated.rows
    overdue = estimated.window.end + timedelta(days=model.settings.label_deadline_days) <= window.end
    return coverage >= CLOSED_AT or (overdue and coverage >= MIN_COVERAGE)
