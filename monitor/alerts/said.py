"""What an incident says of each column: faults, shifts and missing values in plain units, never a bare p-value."""

from collections.abc import Sequence
from typing import Final

from monitor.alerts.text import category, feature_unit, moved, subject
from monitor.charts.format import points, rate, with_unit
from monitor.profile.comoments import JOINT
from monitor.types import Measurement, Model

SPOKEN: Final = 0.05
"""A smaller shift than this, in deviations, is told as a change of shape."""

_NULLS: Final = 0.01
_MOVED: Final = frozenset({"range", "displaced", "constant"})
_FAULTS: Final = {
    "retyped": "values came as another type than registered",
    "non_finite": "values are not a number (NaN or infinite)",
    "constant": "every value is the same",
    "displaced": "values lie farther from their place than on any day of the reference",
    "new_columns": "rows carry columns that nobody registered",
}


def sentence(model: Model, column: str, found: Sequence[Measurement]) -> str:
    """Return what happened to a column, such as "Temperature is 1.2 sd lower than in the reference (mean …)".

    Args:
        model: whose.
        column: which; a model's own outputs too, and how columns go together.
        found: the column's ``detection.*`` measurements of one window.
    """
    if column == JOINT:
        return together(model, found)
    by_metric = {given.metric: given for given in found if given.feature == column}
    given = by_metric.get("detection.evidence")
    name = subject(model, column)
    if given is None:
        return f"{name} has changed"
    broken = [each for each in str(given.details.get("faults") or "").split(", ") if each]
    if broken:
        where = _means(model, given) if _MOVED.intersection(broken) else ""
        return f"{name}: {'; '.join([*(_fault(each, given) for each in broken), *([where] if where else [])])}"
    shift = by_metric.get("detection.shift")
    parts = [*_shift(model, given, shift.value if shift else None), *_nulls(given)]
    return f"{name} {'; '.join(parts) if parts else 'has changed'}"


def together(model: Model, found: Sequence[Measurement]) -> str:
    """Return which columns no longer go together as they did; see `sentence`."""
    given = next((each for each in found if each.metric == "detection.evidence" and each.feature == JOINT), None)
    details = {} if given is None else given.details
    now, before = details.get("correlation"), details.get("reference_correlation")
    if not isinstance(now, float) or not isinstance(before, float):
        return "Columns no longer go together as in the reference"
    first, second = (subject(model, str(details[name])) for name in ("column", "other"))
    return (
        f"{first} and {second} no longer go together as in the reference "
        f"(rank correlation {now:.2f}, reference {before:.2f})"
    )


def _shift(model: Model, given: Measurement, shift: float | None) -> list[str]:
    where, expected = "", given.details.get("alike_shift")
    if shift is None:
        change = _moved(model, given)
        return [f"is distributed otherwise ({change})"] if change else []
    if isinstance(expected, float) and abs(expected - shift) >= SPOKEN:
        shift, where = expected, f" {given.details.get('alike')}"
    means = _means(model, given, alike=bool(where))
    beside = f" ({means})" if means else ""
    if abs(shift) < SPOKEN:
        return [f"is spread otherwise about the same middle{beside}"]
    side = "higher" if shift > 0 else "lower"
    return [f"is {abs(shift):.{1 if abs(shift) >= 1 else 2}f} sd {side} than in the reference{where}{beside}"]


def _moved(model: Model, given: Measurement) -> str:
    """The category that moved most, beside windows of the same weekday, hour or month where these are told apart."""
    now, before = given.details.get("alike_current"), given.details.get("alike_share")
    if not isinstance(now, float) or not isinstance(before, float):
        return moved(model, given)
    named = category(str(given.details["alike_category"]))
    change = points(now - before)
    return f"{named}: {rate(now)} of rows, expected {given.details.get('alike')} {rate(before)} ({change})"


def _means(model: Model, given: Measurement, *, alike: bool = False) -> str:
    known, word = ("alike_mean", "expected") if alike else ("reference_mean", "reference")
    now, before = given.details.get("current_mean"), given.details.get(known)
    if not isinstance(now, float) or not isinstance(before, float):
        return ""
    unit = feature_unit(model, given)
    return f"mean {with_unit(now, unit)}, {word} {with_unit(before, unit)}"


def _nulls(given: Measurement) -> list[str]:
    now, before = given.details.get("null_share"), given.details.get("reference_null_share")
    if not isinstance(now, float) or not isinstance(before, float) or abs(now - before) < _NULLS:
        return []
    return [f"{rate(now)} nulls, reference {rate(before)}"]


def _fault(name: str, given: Measurement) -> str:
    now, before = given.details.get("null_share"), given.details.get("reference_null_share")
    if name == "nulls" and isinstance(now, float) and isinstance(before, float):
        return f"{rate(now)} of values are missing, reference {rate(before)}"
    unseen, outside = given.details.get("unseen_share"), given.details.get("outside_share")
    if name == "unseen" and isinstance(unseen, float):
        return f"{rate(unseen)} of values are of a category never seen in the reference"
    if name == "range" and isinstance(outside, float):
        return f"{rate(outside)} of values are outside of anything seen in the reference"
    return _FAULTS.get(name, name.replace("_", " "))
