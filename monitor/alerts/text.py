"""What an alert says: what happened, where, how bad in plain units, since when, and what to do next.

Column names and values come from captured traffic and are hostile: they are cut short and lose control characters.
"""

import unicodedata
from datetime import datetime
from typing import Final

from monitor.charts.format import count, minute, points, rate, span, with_unit
from monitor.profile.derived import derived
from monitor.profile.texts import FIGURES
from monitor.types import ALL, Feature, Kind, Measurement, Model, Rule, Status, Task

_SHARES: Final = {
    "quality.null_share": "of values are missing",
    "quality.unseen_share": "of values are of a category never seen in the reference",
    "quality.non_finite_share": "of values are not a number (NaN or infinite)",
    "quality.retyped_share": "of values came as another type than registered",
}
_NEXT: Final = {
    "quality.null_share": "Ask whoever feeds this column whether a source stopped, or a join lost its key.",
    "quality.unseen_share": "See which values are new, and whether a category was renamed upstream.",
    "quality.out_of_range_share": "Check whether a unit, a scale or a source changed upstream on that day.",
    "quality.non_finite_share": "Check the computation that makes this column, such as a division by zero.",
    "quality.retyped_share": "Check what the caller sends: a number as text, for instance.",
    "drift": "Compare the two distributions, then see whether accuracy has followed before retraining.",
    "performance": "Open the model's page: see which inputs moved at the same time, and explain some of the errors.",
    "traffic": "Check the service that serves the model, and who calls it.",
    "quality": "Open the column and compare it with the reference.",
}
_GROUPS: Final = {"(unseen)": "categories never seen before", "(other)": "rare categories together"}
_OPS: Final = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}


def clean(text: object, limit: int = 60) -> str:
    r"""Return captured text fit for a line: no control or direction characters, at most ``limit`` characters.

    >>> clean("JFK\nBcc: x"), clean("\u202eevil")
    ('JFK�Bcc: x', '�evil')
    """
    shown = "".join("�" if unicodedata.category(each)[0] == "C" else each for each in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def subject(model: Model, feature: str | None) -> str:
    """What a measurement is about, by the name people use."""
    schema = model.schema
    if feature == "_score":
        if schema.task is Task.REGRESSION:
            return f"Predicted {clean(schema.target)}"
        if schema.task is Task.RANKING:
            return "Highest score of a query"
        binary = schema.task is Task.BINARY and schema.classes
        return f"Probability of {clean(schema.classes[-1])}" if binary else "Top probability"
    if feature == "_prediction":
        return "Predicted class"
    if feature in ("_new", "_joint"):
        return "Unknown columns" if feature == "_new" else "How columns go together"
    known = schema.feature(feature) if feature else None
    if known is None and feature in (figures := derived(schema)):
        origin, figure = figures[feature]
        label = next(each.label for each in schema.features if each.name == origin)
        return f"{clean(label)}, {FIGURES.get(figure, figure)}"
    return clean(known.label if known else feature or model.title)


def metric_title(given: Measurement) -> str:
    """The metric's name as its plug-in titles it, or as its own name reads.

    >>> metric_title(Measurement(model="m", version="1", metric="traffic.latency_p95", window=None, value=1, rows=1))
    'Latency p95'
    """
    told = given.details.get("title")
    words = str(told) if told else given.metric.partition(".")[2].replace("_", " ")
    return words[:1].upper() + words[1:]


def title(model: Model, given: Measurement, threshold: float, op: str = ">") -> str:
    """One sentence: which column or measure, and by how much."""
    name = subject(model, given.feature)
    if given.feature is not None:
        if given.metric.startswith("quality."):
            return f"{name}: {_fault(model, given)}"
        change = moved(model, given)
        if change:
            return f"{name}: {change}"
    unit = _unit(given)
    bound = f"{_amount(given.value, unit)}, {_OPS.get(op, op)} {_amount(threshold, unit)}"
    what = metric_title(given)
    return f"{name}: {what} is {bound}" if given.feature is not None else f"{what} is {bound}"


def body(
    model: Model, given: Measurement, threshold: float, rule: Rule, *, since: datetime, link: str, drifts: bool
) -> str:
    """The whole message: how bad, where, since when, what next, and where to look."""
    unit = _unit(given)
    bound = f"{_OPS.get(rule.op, rule.op)} {_amount(threshold, unit)}"
    when = span(given.window.start, given.window.end)
    lines = [
        *_severity_of(model, given),
        f"{_measure(given)}: {_amount(given.value, unit)}; alarm {bound}{_origin(given, rule)}.",
        f"Model {clean(model.title)}, version {given.version}, {_where(given.segment)}, {when} (UTC), {_rows(given)}.",
        f"Since {minute(since)} UTC" + (f", {rule.windows} windows in a row." if rule.windows > 1 else "."),
    ]
    if drifts and given.metric.startswith("quality."):
        lines.append("The column has drifted too; while this fault lasts that is not reported apart.")
    family = given.metric.partition(".")[0]
    lines.append(f"Next: {_NEXT.get(given.metric) or _NEXT.get(family) or _NEXT['quality']}")
    lines.append(link)
    return "\n".join(lines)


def resolution(model: Model, given: Measurement) -> str:
    """What is said when an incident is over."""
    what = metric_title(given).lower()
    name = f"{subject(model, given.feature)}: {what}" if given.feature is not None else metric_title(given)
    return f"Back to normal: {name} is {_amount(given.value, _unit(given))} in {span(*_bounds(given))} (UTC)."


def _bounds(given: Measurement) -> tuple[datetime, datetime]:
    return given.window.start, given.window.end


def _measure(given: Measurement) -> str:
    """The measured quantity in words; drift measures have names of their own, kept for those who know them."""
    name = metric_title(given)
    return f"Distance from the reference ({name})" if given.metric.startswith("drift.") else name


def _number(given: Measurement, key: str) -> float | None:
    told = given.details.get(key)
    return float(told) if isinstance(told, int | float) else None


def _amount(value: float | None, unit: str) -> str:
    """A value in its unit; rows are counted whole."""
    whole = unit == "rows" and value is not None and value.is_integer()
    return f"{count(value)} rows" if whole else with_unit(value, unit)


def _unit(given: Measurement) -> str:
    """The unit of the measured value itself; quality and coverage are shares."""
    if given.metric.startswith("quality.") or given.metric == "performance.label_coverage":
        return "share"
    return str(given.details.get("unit") or "")


def _sd(shift: float) -> str:
    """A shift in standard deviations of the reference, to two figures."""
    return f"{shift:+.{1 if abs(shift) >= 1 else 2}f} sd".replace("-", "−")


def _fault(model: Model, given: Measurement) -> str:
    """What is wrong with a column's values, such as "82.0 % of values above anything seen (max 10 mi)"."""
    value = rate(given.value)
    if given.metric != "quality.out_of_range_share":
        return f"{value} {_SHARES.get(given.metric, metric_title(given).lower())}"
    unit = feature_unit(model, given)
    above, below = _number(given, "above_share"), _number(given, "below_share")
    if above is not None and (below is None or above >= below):
        return f"{rate(above)} of values above anything seen in the reference (max {_at(given, 'reference_max', unit)})"
    if below is not None:
        return f"{rate(below)} of values below anything seen in the reference (min {_at(given, 'reference_min', unit)})"
    return f"{value} of values outside of what the reference holds"


def _at(given: Measurement, key: str, unit: str) -> str:
    return with_unit(_number(given, key), unit)


def feature_unit(model: Model, given: Measurement) -> str:
    """Return the unit of a column's values; empty for none."""
    known: Feature | None = model.schema.feature(given.feature or "")
    if known is None:
        if given.feature != "_score":
            return ""
        units = {Task.REGRESSION: clean(model.schema.target_unit, 20), Task.RANKING: ""}
        return units.get(model.schema.task, "share")
    return "characters" if known.kind is Kind.TEXT else clean(known.unit, 20)


def category(name: str) -> str:
    """Return what a group of values is called: a category, or those that are not counted apart."""
    return _GROUPS.get(name) or clean(name)


def moved(model: Model, given: Measurement) -> str:
    """How a column moved: its mean, or the category whose share changed most; empty where neither is known."""
    shift = _number(given, "shift_sd")
    if shift is not None:
        unit = feature_unit(model, given)
        now, then = _at(given, "current_mean", unit), _at(given, "reference_mean", unit)
        if abs(shift) >= 0.1:
            return f"mean {now} instead of {then} ({_sd(shift)})"
        if given.status is Status.BREACH:
            return f"values are spread differently, though their mean is still {now} (reference {then})"
        return f"mean {now}, in the reference {then}"
    now_share, then_share = _number(given, "current_share"), _number(given, "reference_share")
    if "category" in given.details and now_share is not None and then_share is not None:
        change = points(now_share - then_share)
        named = category(str(given.details["category"]))
        return f"{named}: {rate(now_share)} of rows instead of {rate(then_share)} ({change})"
    return ""


def _severity_of(model: Model, given: Measurement) -> list[str]:
    """Say for a fault how its values compare with before; a drift's title says it already."""
    if not given.metric.startswith("quality."):
        return []
    lines = []
    before = _number(given, "reference_value")
    if before is not None:
        lines.append(f"{rate(given.value)} of rows, instead of {rate(before)} in the reference.")
    shift = _number(given, "shift_sd")
    if shift is not None:
        unit = feature_unit(model, given)
        now, then = _at(given, "current_mean", unit), _at(given, "reference_mean", unit)
        lines.append(f"Mean {now} instead of {then} ({_sd(shift)}).")
    return lines


def _origin(given: Measurement, rule: Rule) -> str:
    if rule.threshold is not None:
        return " (set by the owner)"
    if given.details.get("calibrated") is False:
        return " (uncalibrated: the reference has too few days)"
    return " (what ordinary reference days stay under)" if given.metric.startswith("drift.") else ""


def _where(segment: str) -> str:
    return "all traffic" if segment == ALL else f"segment {clean(segment)}"


def _rows(given: Measurement) -> str:
    if given.metric.startswith("performance.") and given.coverage is not None:
        return f"{count(given.rows)} rows with a label ({rate(given.coverage)} of those predicted)"
    return f"{count(given.rows)} rows"
