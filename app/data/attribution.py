"""What the model goes by in a window beside the reference, as it was measured last, and in a sentence."""

from dataclasses import dataclass

from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.charts.compared import Beside
from monitor.jobs.attribution import CHANGE, NDCG
from monitor.types import ALL, Measurement, Model, Status, Window


@dataclass(frozen=True, slots=True)
class GoesBy:
    """The newest comparison in a span of time; ``window`` is which. Without inputs, ``said`` is why there is none."""

    window: Window
    inputs: tuple[Beside, ...]
    said: str


def goes_by(model: Model, version: str | None, span: Window) -> GoesBy | None:
    """Return the newest comparison of a span: of one version, or of the newest one measured; None where none was."""
    found = [
        each
        for each in runtime().store.measurements.query(
            model.name, metric="attribution.*", segment=ALL, version=version, start=span.start, end=span.end
        )
        if each.window.end <= span.end
    ]
    if not found:
        return None
    known = [each for each in found if each.metric == CHANGE] or found
    last = max(known, key=lambda each: (each.window.end, each.version))
    own = [each for each in found if (each.window, each.version) == (last.window, last.version)]
    changes = [each for each in own if each.metric == CHANGE]
    inputs = tuple(_beside(model, each) for each in changes)
    if inputs:
        return GoesBy(last.window, inputs, _said(model, changes, own))
    reason = next((str(each.details["reason"]) for each in own if "reason" in each.details), "")
    return GoesBy(last.window, (), reason)


def _beside(model: Model, measured: Measurement) -> Beside:
    def number(name: str) -> float:
        given = measured.details.get(name)
        return float(given) if isinstance(given, int | float) else 0.0

    return Beside(
        label=_label(model, measured.feature),
        reference=number("reference"),
        reference_interval=(max(0.0, number("reference_low")), number("reference_high")),
        current=number("current"),
        current_interval=(max(0.0, number("current_low")), number("current_high")),
        clear=measured.status is Status.BREACH,
    )


def _label(model: Model, name: str | None) -> str:
    feature = model.schema.feature(name or "")
    return feature.label if feature else str(name)


def _said(model: Model, changes: list[Measurement], own: list[Measurement]) -> str:
    """Say in a sentence or two what changed."""
    ranking = next((each for each in own if each.metric == NDCG), None)
    breached = [each for each in changes if each.status is Status.BREACH]
    clear = sorted(breached, key=lambda each: (-abs(each.value or 0), str(each.feature)))
    over = f"over {fmt.count(changes[0].rows)} rows explained"
    agree = "" if ranking is None or ranking.value is None else f" The rankings agree by {ranking.value:.2f} of 1"
    if agree and ranking is not None and ranking.threshold is not None:
        usual = f"{ranking.threshold:.2f} is the least that is usual"
        agree += f", and {usual}: what matters most has changed." if ranking.status is Status.BREACH else f" ({usual})."
    if not clear:
        apart = [_label(model, each.feature) for each in changes if _apart(_beside(model, each))][:3]
        if apart:
            which = (
                f"{_listed(apart)} {'differs' if len(apart) == 1 else 'differ'} from the reference by more than chance"
            )
            return f"{which}, {over}, but by no more than some of its windows may.{agree}"
        return f"No input matters clearly more or less than in the reference, {over}.{agree}"
    more = [_label(model, each.feature) for each in clear if (each.value or 0) > 0]
    less = [_label(model, each.feature) for each in clear if (each.value or 0) < 0]
    parts = [f"{_listed(names)} {word}" for names, word in ((more, "more"), (less, "less")) if names]
    return f"It goes by {' and by '.join(parts)} than in the reference, {over}.{agree}"


def _apart(each: Beside) -> bool:
    """Say whether two means are further from each other than the rows that were drawn explain."""
    low, high = each.reference_interval
    return each.current_interval[0] > high or each.current_interval[1] < low


def _listed(names: list[str]) -> str:
    head = names[:3] + ([f"{len(names) - 3} others"] if len(names) > 3 else [])
    return head[0] if len(head) == 1 else f"{', '.join(head[:-1])} and {head[-1]}"
