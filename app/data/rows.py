"""Captured rows: pages of them, and one of them with everything known about it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from app.data.bounded import LISTED, MOST, newest_part
from app.data.feature import Side, reference_mark, reference_sides
from app.data.names import column
from app.data.notes import aside
from app.data.shown import in_words
from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.charts.categories import OTHER, UNSEEN
from monitor.charts.histogram import Histogram, midrank, own_share, usual
from monitor.store.queries import Order
from monitor.types import ALL, Explanation, Feature, Kind, Model, Task, Window

PAGE = 100
"""Rows a page; never more than 200 leave the store at once."""
ORDERS: dict[str, tuple[Order, bool]] = {
    "Newest": ("time", True),
    "Most wrong": ("error", True),
    "Least confident": ("confidence", False),
    "Near threshold": ("near_threshold", True),
}
"""Preset → (order of the store, descending). Most wrong needs a label."""
PRESETS: dict[Task, tuple[str, ...]] = {
    Task.BINARY: ("Newest", "Most wrong", "Least confident", "Near threshold"),
    Task.MULTICLASS: ("Newest", "Most wrong", "Least confident"),
    Task.REGRESSION: ("Newest", "Most wrong"),
    Task.RANKING: ("Newest",),
}
"""The presets that mean something for a task: only binary scores have a threshold, a ranking's are of any size."""
RARE = 0.025
"""A number is unusual in the outer 2.5 % of the reference at either side, unless 2.5 % of it are just that number."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows to show; None does not filter."""

    window: Window
    version: str | None = None
    segment: str = ALL
    score: tuple[float, float] | None = None
    labelled: bool | None = None
    id_prefix: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The store's keyword arguments."""
        return {
            "window": self.window,
            "version": self.version,
            "segment": self.segment,
            "score": self.score,
            "labelled": self.labelled,
            "id_prefix": self.id_prefix or None,
        }


@dataclass(frozen=True, slots=True)
class Value:
    """One input of a row beside the reference: where it lies, and whether that is unusual."""

    feature: str
    label: str
    shown: str
    typical: str
    place: float | None  # where it lies in the reference (numbers) or how much is equal to it (categories), in per cent
    remark: str


def page(model: str, filters: Filters, order: str, number: int) -> tuple[pa.Table, int]:
    """One page of rows, newest or by a preset, and how many rows the filters leave in all.

    It is of the newest part of the window (`part`), so that it costs no more when traffic grows.

    Args:
        model: the model.
        filters: which rows.
        order: a key of :data:`ORDERS`.
        number: the page, from 1.
    """
    rows = runtime().store.rows
    by, descending = ORDERS[order]
    filters = replace(filters, window=part(model, filters.window, order))
    arguments = filters.arguments()
    if by == "error":
        arguments["labelled"] = True
    found = rows.inferences(model, **arguments, order=by, descending=descending, limit=PAGE, offset=(number - 1) * PAGE)
    return found, rows.count(model, **arguments)


def part(model: str, window: Window, order: str) -> Window:
    """Return the newest part of a window that an order is over: smaller where rows are sorted, and not only listed."""
    return newest_part(model, window, most(order))


def most(order: str) -> int:
    """Return about how many rows of a window an order is over at most."""
    return LISTED if ORDERS[order][0] == "time" else MOST


def row(model: str, row_id: str, version: str | None = None) -> dict[str, Any]:
    """One captured row with its label.

    Raises:
        NotFound: no such row.
    """
    return dict(runtime().store.rows.inference(model, row_id, version))


def neighbours(model: str, moment: datetime, row_id: str) -> tuple[str | None, str | None]:
    """The ids of the rows captured just before and just after one."""
    rows = runtime().store.rows
    day = timedelta(days=1)
    before = rows.inferences(model, window=Window(moment - day, moment), order="time", descending=True, limit=1)
    after = rows.inferences(
        model, window=Window(moment + timedelta(microseconds=1), moment + day), order="time", descending=False, limit=1
    )
    first = before["_id"][0].as_py() if before.num_rows else None
    second = after["_id"][0].as_py() if after.num_rows else None
    return (first if first != row_id else None), (second if second != row_id else None)


def explanations(model: str, row_id: str) -> dict[str, Explanation]:
    """The newest stored explanation of a row by each method."""
    found = runtime().store.explanations.query(model, row_id)
    return {given.method: given for given in sorted(found, key=lambda given: given.created)}


def explain(model: str, row_id: str, method: str, version: str) -> Explanation:
    """Explain one row now, or return the same explanation made before.

    Raises:
        WatchglassError: the model cannot be reached or loaded, or the worker died.
    """
    return runtime().explain.explain(model, row_id, method, version=version)


def values(model: Model, given: Mapping[str, Any], importance: Mapping[str, float]) -> list[Value]:
    """A row's inputs beside the reference, the most important first where importance is known."""
    names = tuple(feature.name for feature in model.schema.features)
    version = str(given.get("_version") or "")
    sides = reference_sides(model.name, version, ALL, names, reference_mark(model.name))
    listed = [_of(feature, given, sides.get(feature.name)) for feature in model.schema.features]
    retyped = aside(given)
    listed = [
        replace(value, shown=fmt.value(retyped[value.feature]), remark="of another type, not used")
        if value.feature in retyped
        else value
        for value in listed
    ]
    return sorted(listed, key=lambda value: -abs(importance.get(value.feature, 0.0)))


def _of(feature: Feature, given: Mapping[str, Any], reference: Side | None) -> Value:
    words = in_words(feature, given)
    if words is None:
        return _value(feature, given.get(feature.name), reference)
    return Value(feature.name, feature.label, words, fmt.MISSING, None, "")


def _value(feature: Feature, given: Any, reference: Side | None) -> Value:
    shown = fmt.value(given, feature.unit)
    if given is None:
        usual = reference is not None and (reference.missing or 0) > 0.01
        before = fmt.rate(reference.missing) if reference is not None else ""
        return Value(
            feature.name,
            feature.label,
            shown,
            "",
            None,
            f"missing (as {before} of the reference)" if usual else "missing",
        )
    if reference is None:
        return Value(feature.name, feature.label, shown, fmt.MISSING, None, "")
    if reference.categories is not None:
        return _category_value(feature, fmt.value(given), shown, reference.categories)
    number = _number(given)
    if reference.histogram is None or number is None:
        return Value(feature.name, feature.label, shown, fmt.MISSING, None, "")
    share = midrank(reference.histogram, number)
    remark = ""
    if number < reference.histogram.edges[0] or number > reference.histogram.edges[-1]:
        remark = "out of range"
    elif not RARE <= share <= 1 - RARE and own_share(reference.histogram, number) < RARE:
        remark = "unusual"
    return Value(feature.name, feature.label, shown, _usual(reference.histogram, feature), share * 100, remark)


def _usual(reference: Histogram, feature: Feature) -> str:
    """The middle 90 % of the reference, whole for whole numbers."""
    low, high = usual(reference)
    if feature.kind is not Kind.NUMERIC:
        low, high = math.ceil(low - 1e-3), math.floor(high + 1e-3)
    if low == high:
        return f"nearly always {fmt.value(low, feature.unit)}"
    return f"{fmt.value(low)} to {fmt.value(high, feature.unit)}"


def _category_value(feature: Feature, given: str, shown: str, categories: Mapping[str, float]) -> Value:
    total = sum(categories.values())
    share = categories.get(given, 0.0) / total if total else 0.0
    frequent = sorted(set(categories) - {OTHER, UNSEEN}, key=lambda name: (-categories[name], name))[:3]
    remark = "" if share else ("rare" if OTHER in categories else "never seen")
    typical = "mostly " + ", ".join(name or "(empty)" for name in frequent) if frequent else fmt.MISSING
    return Value(
        feature.name, feature.label, shown, typical, share * 100 if frequent else None, remark if frequent else ""
    )


def _number(given: Any) -> float | None:
    if isinstance(given, datetime):
        return given.timestamp()
    if isinstance(given, bool | int | float) and math.isfinite(given):
        return float(given)
    return None


def column_titles(model: Model) -> dict[str, str]:
    """Heading of every input column, with its unit."""
    return {
        feature.name: f"{column(model.schema, feature.name).label}" + (f" ({feature.unit})" if feature.unit else "")
        for feature in model.schema.features
    }
