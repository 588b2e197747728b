"""What the page of a model says of segments, harm and protected groups: the newest window of each that was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.data.fleet import FRESH
from app.data.model import read
from app.runtime import runtime
from monitor.types import ALL, Measurement, Status, Task, Window

TOLD = 5
"""How many segments are told, of those that became worse and of those that became better."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model stands in segments and groups.

    Attributes:
        hits: windows in which a segment is worse than it was, the newest of each segment, newest first.
        more: how many segments were worse besides.
        improved: the same of segments that are better than they were: a change, but nothing wrong.
        scanned: the newest window that was scanned, or why it could not be.
        harm: the newest window in which realised loss was judged.
        groups: the newest figures of each protected group, by feature, group and metric.
    """

    hits: tuple[Measurement, ...]
    more: int
    improved: tuple[Measurement, ...]
    scanned: Measurement | None
    harm: Measurement | None
    groups: tuple[Measurement, ...]


@st.cache_data(ttl=FRESH, show_spinner=False)
def standing(model: str, window: Window, version: str | None) -> Standing:
    """Read it from the measurements of a window."""
    scans = read(model, "segments.scan", window, version, ALL)
    harms = [each for each in read(model, "harm.loss", window, version, ALL) if each.value is not None]
    hits: dict[object, Measurement] = {}
    for each in sorted(scans, key=lambda given: given.window.start, reverse=True):
        if each.status is Status.BREACH:
            hits.setdefault(each.details.get("name"), each)
    task = runtime().store.catalog.model(model).schema.task
    worse = [each for each in hits.values() if not better(each, task)]
    return Standing(
        tuple(worse[:TOLD]),
        max(len(worse) - TOLD, 0),
        tuple(each for each in hits.values() if better(each, task))[:TOLD],
        _newest([each for each in scans if each.value is not None]) or _newest(scans),
        _newest(harms),
        _groups(
            runtime().store.measurements.query(
                model, metric="fairness.*", version=version, start=window.start, end=window.end
            )
        ),
    )


def better(hit: Measurement, task: Task) -> bool:
    """Tell whether a segment stands out because answers there are better than they were.

    Less loss than in the past is better. So is, where the answer is one of many classes, to be right more often
    than its score says.
    """
    effect = hit.details.get("effect")
    if not isinstance(effect, int | float):
        return False
    if hit.details.get("channel") == "excess" or task is Task.RANKING:
        return effect < 0
    return task is Task.MULTICLASS and effect > 0


def _newest(found: Sequence[Measurement]) -> Measurement | None:
    return max(found, key=lambda each: each.window.start, default=None)


def _groups(found: Sequence[Measurement]) -> tuple[Measurement, ...]:
    newest: dict[tuple[str, str, str], Measurement] = {}
    for each in sorted(found, key=lambda given: given.window.start):
        key = (each.feature or "", each.segment, each.metric)
        if each.value is not None or key not in newest:
            newest[key] = each
    return tuple(newest[key] for key in sorted(newest))
