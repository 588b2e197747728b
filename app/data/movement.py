"""What moved in a window, and how far: the cells of the heat map, and the columns that stand out, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.data.fleet import breached, sentence
from app.data.names import EVIDENCE, SHIFT, column, measure
from monitor.charts import format as fmt
from monitor.charts.heatmap import Cell
from monitor.charts.style import plain
from monitor.profile.comoments import JOINT
from monitor.types import Measurement, Model, Status, Window

ANSWERS = ("_score", "_prediction")
_PART = 1.01


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column that stands out: what happened in its worst window, in words, and how far beyond normal."""

    feature: str
    label: str
    said: str
    ratio: float
    measurement: Measurement
    trend: tuple[float, ...]


def _speaks(given: Measurement) -> bool:
    """Whether a measurement counts in the heat map: the shift of a column, or a fault of its values."""
    return given.metric in (EVIDENCE, *SHIFT) or given.metric.startswith("quality.")


def ratio(given: Measurement) -> float | None:
    """How many times its own threshold a measurement reached; None where it says too little.

    A column that the detector speaks of is above 1 while it is part of an open incident, and only then.
    """
    if given.status is Status.INSUFFICIENT or given.value is None or not given.threshold:
        return None
    reached = given.value / given.threshold
    if given.metric == EVIDENCE:
        return max(reached, _PART) if given.status is Status.BREACH else min(reached, 1.0)
    return reached


def uncalibrated(moved: Sequence[Measurement]) -> bool:
    """Whether the detector's newest words are not calibrated: of any version, in the last window that it judged."""
    told = [given for given in moved if given.metric == EVIDENCE]
    last = max((given.window.start for given in told), default=None)
    return any(given.details.get("calibrated") is False for given in told if given.window.start == last)


def cells(model: Model, moved: Sequence[Measurement]) -> tuple[Cell, ...]:
    """One cell a (column, window): the worst of what speaks for the column then, over versions."""
    at: dict[tuple[str, Window], list[Measurement]] = {}
    for given in moved:
        if given.feature and _speaks(given) and not given.feature.startswith("_latency"):
            at.setdefault((given.feature, given.window), []).append(given)
    listed = []
    for (feature, window), found in at.items():
        label = column(model.schema, feature).label
        judged = [(ratio(given) or 0.0, given) for given in found if ratio(given) is not None]
        if not judged:
            rows = max(given.rows for given in found)
            said = f"no data (n = {fmt.count(rows)})" if rows else "no data"
            listed.append(Cell(feature, label, window.start, window.end, None, said, feature in ANSWERS))
            continue
        worst, given = max(judged, key=lambda each: each[0])
        listed.append(Cell(feature, label, window.start, window.end, worst, _cell_text(given), feature in ANSWERS))
    return tuple(listed)


def _cell_text(given: Measurement) -> str:
    known = measure(given.metric)
    if given.metric == EVIDENCE:
        part = "part of an open incident" if breached(given) else "no incident"
        event = f"<br>{plain(str(given.details['event']))}: no evidence is gathered" if "event" in given.details else ""
        return (
            f"{known.title} <b>{fmt.with_unit(given.value, known.unit)}</b> of an alarm; {part}{event}"
            f"<br>n = {fmt.count(given.rows)}, version {given.version}"
        )
    return (
        f"{known.title} <b>{fmt.with_unit(given.value, known.unit)}</b>, threshold"
        f" {fmt.with_unit(given.threshold, known.unit)}<br>n = {fmt.count(given.rows)}, version {given.version}"
    )


def suspects(model: Model, moved: Sequence[Measurement]) -> tuple[Suspect, ...]:
    """The columns beyond their threshold, each told by its worst window: inputs first, the farthest of them first.

    How columns go together, and what the model answers, follow from its inputs, and come after them.
    """
    columns: dict[str, list[Measurement]] = {}
    for given in moved:
        if given.feature and _speaks(given) and not given.feature.startswith("_latency"):
            columns.setdefault(given.feature, []).append(given)
    listed = []
    for feature, found in columns.items():
        judged = [(ratio(given) or 0.0, given) for given in found if breached(given)]
        if not judged:
            continue
        worst, given = max(judged, key=lambda each: (each[0], each[1].window.start))
        days: dict[datetime, float] = {}
        for each in found:
            days[each.window.start] = max(days.get(each.window.start, 0.0), ratio(each) or 0.0)
        beside = [each for each in moved if each.feature == feature and each.window == given.window]
        told = sentence(model, given, beside)
        said = told if given.metric == EVIDENCE else told.partition(": ")[2] or told
        label = column(model.schema, feature).label
        listed.append(Suspect(feature, label, said, worst, given, tuple(days[day] for day in sorted(days))))
    return tuple(
        sorted(listed, key=lambda suspect: (suspect.feature in ANSWERS, suspect.feature == JOINT, -suspect.ratio))
    )
