"""How a model's servers, and the GPUs of this machine, did over a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.runtime import runtime
from monitor.charts.samples import Points
from monitor.gpu import Gpus
from monitor.servers import FIGURES, MACHINE, Scraped
from monitor.store.samples import Sample
from monitor.types import Window

POINTS = 300
"""Most points a line is drawn with; more are averaged."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one unit that are drawn together.

    Attributes:
        title: what the group is about.
        unit: of all its figures.
        lines: by the name people read.
        gap: how far apart two moments are at least when something was not told in between.
    """

    title: str
    unit: str
    lines: Mapping[str, Points]
    gap: timedelta


@dataclass(frozen=True, slots=True)
class Server:
    """One source of a model: how asking it goes, what it said last, and its groups of lines over the window."""

    state: Scraped
    now: Mapping[str, tuple[float, str]]  # title → newest value and its unit
    groups: tuple[Group, ...]


def servers(model: str, window: Window) -> list[Server]:
    """Every server that is named for a model, with what it said in the window."""
    found = runtime().store.samples.query(model, window)
    listed = []
    for state in runtime().servers.states(model):
        own = [sample for sample in found if sample.source == state.source]
        listed.append(Server(state, _newest(own), groups(own, window)))
    return listed


def gpus(window: Window) -> tuple[Gpus | None, tuple[Group, ...]]:
    """This machine's GPUs as they were last read (None: not yet), and their lines over the window."""
    return runtime().servers.gpus, groups(runtime().store.samples.query(MACHINE, window), window)


def groups(samples: Sequence[Sample], window: Window) -> tuple[Group, ...]:
    """Lines of samples, by the groups of their figures, in the order of `FIGURES`."""
    lines: dict[tuple[str, str], dict[str, list[tuple[datetime, float]]]] = {}
    places = {metric: place for place, metric in enumerate(FIGURES)}
    for sample in sorted(samples, key=lambda each: places.get(each.metric, 0)):  # stays in order of time within each
        figure = FIGURES.get(sample.metric)
        if figure is not None:
            name = f"{figure.title}, {_part(sample.part)}" if sample.part else figure.title
            lines.setdefault((figure.group, figure.unit), {}).setdefault(name, []).append((sample.time, sample.value))
    order = {(figure.group, figure.unit): place for place, figure in enumerate(FIGURES.values())}
    return tuple(
        Group(title, unit, {name: thinned(points, window) for name, points in named.items()}, _gap(window))
        for (title, unit), named in sorted(lines.items(), key=lambda item: order[item[0]])
    )


def thinned(points: Points, window: Window) -> Points:
    """At most `POINTS` points of a line: the mean of each stretch of the window, at the mean of its moments.

    >>> from datetime import UTC
    >>> start = datetime(2026, 5, 1, tzinfo=UTC)
    >>> line = [(start + timedelta(seconds=s), 1.0) for s in range(1000)]
    >>> len(thinned(line, Window(start, start + timedelta(seconds=1000))))
    300
    """
    if len(points) <= POINTS:
        return points
    stretch = window.length / POINTS
    within: dict[int, list[tuple[datetime, float]]] = {}
    for moment, value in points:
        within.setdefault(int((moment - window.start) / stretch), []).append((moment, value))
    return [
        (part[0][0] + (part[-1][0] - part[0][0]) / 2, sum(value for _, value in part) / len(part))
        for _, part in sorted(within.items())
    ]


def _gap(window: Window) -> timedelta:
    """Five rounds, or two of the stretches that points stand for; older ones are an hour apart."""
    day_old = runtime().clock.now() - window.start > timedelta(hours=24)
    fine = timedelta(seconds=5 * runtime().config.servers.every_seconds)
    return max(fine, 2.5 * window.length / POINTS, timedelta(hours=2.5) if day_old else fine)


def _newest(samples: Sequence[Sample]) -> dict[str, tuple[float, str]]:
    found: dict[str, tuple[float, str]] = {}
    for sample in samples:  # in order of time
        figure = FIGURES.get(sample.metric)
        if figure is not None and not sample.part:
            found[figure.title] = (sample.value, figure.unit)
    order = [figure.title for figure in FIGURES.values()]
    return {title: found[title] for title in sorted(found, key=order.index)}


def _part(part: str) -> str:
    return part if len(part) <= 24 else f"…{part[-12:]}"
