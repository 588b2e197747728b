"""How far two explanations of one row agree: on the order of the inputs, and on which matter most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.triage.attribution import spearman
from monitor.types import Explanation

TOP = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two methods on one row.

    ``rank`` is Spearman's correlation of the attributions, signs and all, in [−1, 1]; None where one of them is the
    same throughout. Of one text, image or sequence it is that of its parts. ``top`` is the share of the three largest
    of one that are among the three largest of the other.
    """

    methods: tuple[str, str]
    rank: float | None
    top: float


def agreements(found: Sequence[Explanation]) -> list[Agreement]:
    """Compare the newest explanation by each method with that by each other.

    Args:
        found: explanations of one row, newest first.
    """
    newest: dict[str, Explanation] = {}
    for each in found:
        newest.setdefault(each.method, each)
    names = sorted(newest)
    return [
        Agreement((one, other), rank(of_one, of_other), top(of_one, of_other))
        for at, one in enumerate(names)
        for other in names[at + 1 :]
        for of_one, of_other in [(_amounts(newest[one]), _amounts(newest[other]))]
        if newest[one].version == newest[other].version and len(set(of_one) & set(of_other)) > 1
    ]


def _amounts(found: Explanation) -> Mapping[str, float]:
    """Return what is compared: the inputs' contributions, or those of the parts where there is one input."""
    if len(found.attributions) == 1 and found.parts:
        return {f"{part.feature} {part.place}": part.amount for part in found.parts}
    return found.attributions


def rank(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Return Spearman's rank correlation over the inputs that both have; ties share their mean rank.

    >>> rank({"a": 1.0, "b": 2.0, "c": -1.0}, {"a": 10.0, "b": 30.0, "c": 0.0})
    1.0
    >>> rank({"a": 1.0, "b": 2.0}, {"a": 0.0, "b": 0.0}) is None
    True
    """
    shared = [name for name in one if name in other]
    return spearman(*(np.array([values[name] for name in shared]) for values in (one, other)))


def top(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return how many of the largest inputs of one are among the largest of the other, as a share.

    >>> top({"a": 3.0, "b": -2.0, "c": 1.0, "d": 0.1}, {"a": 1.0, "b": 2.0, "c": 0.0, "d": -5.0})
    0.6666666666666666
    """
    largest = [set(sorted(values, key=lambda name: -abs(values[name]))[:TOP]) for values in (one, other)]
    return len(largest[0] & largest[1]) / max(1, min(map(len, largest)))
