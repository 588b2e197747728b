"""What is said of a column in a window: how far the detector is, why it is flagged, and every measure of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.data.fleet import breached, sentence
from app.data.movement import ratio
from app.data.names import EVIDENCE, SHIFT, measure
from monitor.charts import format as fmt
from monitor.types import Measurement, Model


@dataclass(frozen=True, slots=True)
class Judged:
    """One measure in the newest window it was computed for."""

    title: str
    value: str
    threshold: str
    verdict: str
    rows: int


def stood(gathered: Sequence[Measurement]) -> tuple[str, ...]:
    """How far the detector of each version was at the end of a window."""
    newest = {given.version: given for given in sorted(gathered, key=lambda given: given.window.start)}
    return tuple(
        f"{fmt.day(given.window.start)}, version {version}: {fmt.rate(given.value)} of an alarm"
        + ("; part of an open incident" if breached(given) else "")
        + (f"; faults: {given.details['faults']}" if given.details.get("faults") else "")
        + ("; uncalibrated" if given.details.get("calibrated") is False else "")
        for version, given in newest.items()
        if given.value is not None
    )


def why(model: Model, found: Sequence[Measurement]) -> tuple[str, ...]:
    """What is beyond normal in this window, one sentence a measure, the worst first; empty where nothing is."""
    worst: dict[str, Measurement] = {}
    detector = any(given.metric == EVIDENCE for given in found)
    for given in found:
        speaks = given.metric in SHIFT or given.metric.startswith("quality.")
        if (given.metric == EVIDENCE if detector else speaks) and breached(given):
            best = worst.get(given.metric)
            if best is None or (ratio(given) or 0) > (ratio(best) or 0):
                worst[given.metric] = given
    ordered = sorted(worst.values(), key=lambda given: -(ratio(given) or 0))
    said = (
        f"{_told(model, given, found)} ({fmt.day(given.window.start)}, n = {fmt.count(given.rows)})"
        for given in ordered
    )
    return tuple(dict.fromkeys(said))


def _told(model: Model, given: Measurement, found: Sequence[Measurement]) -> str:
    if given.metric == EVIDENCE:
        return sentence(model, given, [each for each in found if each.window == given.window])
    return sentence(model, given).partition(": ")[2] or sentence(model, given)


def judged(found: Sequence[Measurement], unit: str = "") -> tuple[Judged, ...]:
    """Every measure of a column in the newest window it was computed for, the detector's first.

    Args:
        found: measurements of one column.
        unit: of the column, for measures in it.
    """
    newest: dict[str, Measurement] = {}
    for given in found:
        best = newest.get(given.metric)
        if best is None or (given.window.start, given.rows) > (best.window.start, best.rows):
            newest[given.metric] = given
    lines = []
    for metric in sorted(
        newest, key=lambda name: (name != EVIDENCE, not name.startswith("drift."), measure(name).title)
    ):
        given, known = newest[metric], measure(metric, column_unit=unit)
        if ratio(given) is None:
            verdict = "Not enough data" if given.threshold is not None or given.value is None else "No threshold"
        else:
            verdict = "Beyond threshold" if breached(given) else "Within threshold"
        lines.append(
            Judged(
                known.title,
                fmt.with_unit(given.value, known.unit),
                fmt.with_unit(given.threshold, known.unit),
                verdict,
                given.rows,
            )
        )
    return tuple(lines)
