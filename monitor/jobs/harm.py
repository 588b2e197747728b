"""Whether a model has come to harm: realised loss beyond what its owner tolerates, however late labels come."""

import math
from collections.abc import Mapping
from typing import ClassVar, Final

from monitor.jobs import Job, JobContext
from monitor.jobs.past import counts_by_window
from monitor.jobs.tolerance import Tolerances, unit_of
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.outcome import Outcome
from monitor.profile.values import Ints
from monitor.triage.decompose import decompose
from monitor.triage.evidence import Harm, harm, lower_bound
from monitor.triage.loss import LOSSES, Loss, loss_of
from monitor.triage.tolerance import Bound
from monitor.types import ALL, Measurement, Model, Scalar, Status, Window

METRIC: Final = "harm.loss"
BACK: Final = 30
"""How many windows before one the evidence may begin in."""

_CHANCE: Final = 0.05  # that the least loss told is too much, over all windows that evidence may begin in

_TITLES: Final = {
    "accuracy": ("Accuracy", True),
    "brier": ("The Brier score", False),
    "mae": ("The mean absolute error", False),
    "ndcg": ("nDCG", True),
}
"""What each measure is called, and whether more of it is better."""


class HarmJob(Job):
    """Measures ``harm.loss`` by version: the window's mean loss, above which bound it is harm, and what is known of it.

    The loss of ``accuracy`` is the share of wrong predictions. ``details["reached"]`` is the evidence in units of what
    makes it harm, gathered since ``details["since"]``; ``open`` tells whether harm is known, ``new`` whether since this
    window. The status is a breach while harm is open.
    """

    name: ClassVar[str] = "harm"
    late: ClassVar[bool] = True

    def __init__(self) -> None:
        self._tolerances = Tolerances()

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Judge every version that has labels in the window."""
        binning = context.store.catalog.binning(model.name)
        if binning is None:
            return []
        found = []
        for version, windows in sorted(counts_by_window(context, model, binning, window, OUTCOME, BACK).items()):
            if window in windows:
                tolerated = self._tolerances.of(context, model, binning, version)
                losses = _losses(
                    windows, model, binning, tolerated.metric if tolerated else LOSSES[model.schema.task][0]
                )
                found.append(_judged(context, model, window, version, losses, tolerated))
        return found


def _losses(windows: Mapping[Window, Ints], model: Model, binning: Binning, metric: str) -> dict[Window, Loss]:
    """Return the loss of each window, in order of time."""
    ordered = sorted(windows, key=lambda each: each.start)
    return {each: loss_of(Outcome.of(model.schema, binning, windows[each]), metric) for each in ordered}


def _judged(
    context: JobContext,
    model: Model,
    window: Window,
    version: str,
    losses: Mapping[Window, Loss],
    tolerated: Bound | None,
) -> Measurement:
    loss = losses[window]
    details: dict[str, Scalar] = {"title": "mean loss"}
    if tolerated is None or not loss.rows:
        details["reason"] = (
            "no labels in the reference, so nothing says what is usual" if loss.rows else "no usable label"
        )
        return _measurement(model, window, version, loss, None, Status.INSUFFICIENT, details)
    known = harm(list(losses.values()), tolerated.most, model.settings.dial or 1.0)
    now = known[list(losses).index(window)]
    details |= _details(context, model, window, version, losses, tolerated, now)
    status = Status.BREACH if now.open else Status.OK
    return _measurement(model, window, version, loss, tolerated, status, details)


def _details(
    context: JobContext,
    model: Model,
    window: Window,
    version: str,
    losses: Mapping[Window, Loss],
    tolerated: Bound,
    now: Harm,
) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {
        "metric": tolerated.metric,
        "unit": unit_of(model, tolerated.metric),
        "usual": tolerated.usual,
        "tolerated": tolerated.amount,
        "reached": now.reached,
        "open": now.open,
        "new": now.new,
    }
    if now.since >= 0:
        found["since"] = list(losses)[now.since].start.isoformat()
        if now.loss.share:
            found["at_least"] = lower_bound(now.loss, _CHANCE / BACK)
    estimated = next(
        (
            each
            for each in context.store.measurements.query(
                model.name,
                metric=f"estimation.{tolerated.metric}",
                segment=ALL,
                version=version,
                start=window.start,
                end=window.end,
            )
            if each.window == window
        ),
        None,
    )
    if estimated is not None and estimated.value is not None:
        promised = estimated.details.get("promised")
        expected = promised if isinstance(promised, float) else estimated.value
        found |= parts(tolerated, expected, losses[window].mean, str(found["unit"]))
    return found


def parts(tolerated: Bound, expected: float, realised: float, unit: str) -> dict[str, Scalar]:
    """Return what of a change the inputs explain; nothing where it is beyond all numbers.

    Args:
        tolerated: what is usual.
        expected: the measure without labels.
        realised: a loss.
        unit: of the measure.
    """
    title, gain = _TITLES[tolerated.metric]
    if gain:
        fall = decompose(1 - tolerated.usual, expected, 1 - realised)
    else:
        fall = decompose(tolerated.usual, expected, realised)
    if not math.isfinite(abs(fall.total) + abs(fall.covariate) + abs(fall.concept)):
        return {}
    said = fall.words(title, "pp" if unit == "share" else unit, loss=not gain)
    return {"covariate": fall.covariate, "concept": fall.concept, "said": said}


def _measurement(
    model: Model,
    window: Window,
    version: str,
    loss: Loss,
    tolerated: Bound | None,
    status: Status,
    details: dict[str, Scalar],
) -> Measurement:
    return Measurement(
        model=model.name,
        version=version,
        metric=METRIC,
        window=window,
        value=loss.mean if loss.rows else None,
        rows=loss.rows,
        threshold=tolerated.most if tolerated else None,
        status=status,
        details=details,
    )
