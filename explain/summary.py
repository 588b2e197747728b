"""From explanations of many rows to what a model goes by as a whole: importance with intervals, and how it was spread.

Pure functions of explanations by one method of rows that chance chose.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explain.solve import NORMAL, widening
from monitor.types import Explanation, Scalar

Matrix = npt.NDArray[np.float64]

LEAST = 5
"""Of fewer rows an interval of their mean size would say nothing."""

LEAST_OF_GROUP = 3
"""Groups of fewer rows are not compared: of two, Welch's intervals leave out the truth twice as often as they say."""

LARGEST = 50.0
"""No interval's end is more than so many powers of e away: it stays a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much one input moves a model's answers.

    ``mean`` is the mean of the attributions' sizes, with the interval that holds it in 95 of 100 samples of so many
    rows; ``direction`` the mean of the attributions with their signs; ``share`` its part of all inputs' means.
    """

    feature: str
    mean: float
    low: float | None
    high: float | None
    direction: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One row in one input's picture: its value, what the value contributed, and the row."""

    inference_id: str
    value: Scalar
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What moves one group's answers more than another's: the difference of mean attributions, with a 95 % interval.

    ``first`` and ``second`` are the groups' means; ``clear`` is whether the interval leaves out zero.
    """

    feature: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    clear: bool


def matrix(found: Sequence[Explanation]) -> tuple[tuple[str, ...], Matrix]:
    """Return the inputs, as the newest explanation has them, and attributions [rows, inputs]; one not there is 0."""
    names = tuple(found[-1].attributions) if found else ()
    rows = [[each.attributions.get(name, 0.0) for name in names] for each in found]
    return names, np.array(rows, dtype=np.float64).reshape(len(found), len(names))


def importance(found: Sequence[Explanation]) -> list[Importance]:
    """Return every input, the most important first.

    Sizes are never below 0, and few rows may have most of what there is: the intervals are Student's t of the mean's
    logarithm.
    """
    names, amounts = matrix(found)
    if not len(amounts):
        return []
    sizes = np.abs(amounts)
    means = sizes.mean(axis=0)
    low = high = np.full(len(names), np.nan)
    if len(amounts) >= LEAST:
        low, high = _interval(sizes, means)
    total = float(means.sum()) or 1.0
    listed = [
        Importance(
            feature=name,
            mean=float(means[at]),
            low=None if np.isnan(low[at]) else float(low[at]),
            high=None if np.isnan(high[at]) else float(high[at]),
            direction=float(amounts[:, at].mean()),
            share=float(means[at]) / total,
        )
        for at, name in enumerate(names)
    ]
    return sorted(listed, key=lambda each: (-each.mean, each.feature))


def points(found: Sequence[Explanation], feature: str) -> list[Point]:
    """Return each row's value of one input and what it contributed: a column of a beeswarm, or a dependence plot."""
    return [
        Point(
            inference_id=each.inference_id, value=each.values.get(feature), amount=each.attributions.get(feature, 0.0)
        )
        for each in found
    ]


def differences(first: Sequence[Explanation], second: Sequence[Explanation]) -> list[Difference]:
    """Say why two groups of rows are answered differently: by input, the greatest difference first.

    The mean attributions of a group add up to its mean answer less the base value, so that the differences add up to
    that of the mean answers (less that of the base values). Intervals are Welch's.
    """
    names = tuple(
        dict.fromkeys([*(first[-1].attributions if first else ()), *(second[-1].attributions if second else ())])
    )
    one, other = (
        np.array([[each.attributions.get(name, 0.0) for name in names] for each in group]) for group in (first, second)
    )
    if min(len(first), len(second)) < LEAST_OF_GROUP:
        return []
    apart = one.mean(axis=0) - other.mean(axis=0)
    reach = _reach(one, other)
    low, high = apart - reach, apart + reach
    listed = [
        Difference(
            feature=name,
            first=float(one[:, at].mean()),
            second=float(other[:, at].mean()),
            difference=float(apart[at]),
            low=float(low[at]),
            high=float(high[at]),
            clear=bool(low[at] > 0 or high[at] < 0),
        )
        for at, name in enumerate(names)
    ]
    return sorted(listed, key=lambda each: (-abs(each.difference), each.feature))


def _interval(sizes: Matrix, means: Matrix) -> tuple[Matrix, Matrix]:
    """Return the ends of the interval of each mean size [inputs] of rows [rows, inputs]."""
    error = sizes.std(axis=0, ddof=1) / np.sqrt(len(sizes))
    apart = np.divide(error, means, out=np.zeros_like(means), where=means > 0)
    reach = np.minimum(NORMAL * widening(np.asarray(len(sizes) - 1)) * apart, LARGEST)
    return means * np.exp(-reach), means * np.exp(reach)


def _reach(one: Matrix, other: Matrix) -> Matrix:
    """Return how far from the difference of two means the ends of its interval are, [inputs] (Welch 1947)."""
    parts = [(group.var(axis=0, ddof=1) / len(group), len(group) - 1) for group in (one, other)]
    variance = np.asarray(sum(part for part, _ in parts))
    # Of shares, as squares of squares of small numbers vanish; one thing that never differs is known as any other.
    shares = [np.divide(part, variance, out=np.ones_like(part), where=variance > 0) for part, _ in parts]
    freedom = 1 / np.asarray(sum(share**2 / count for share, (_, count) in zip(shares, parts, strict=True)))
    return np.asarray(NORMAL * widening(freedom) * np.sqrt(variance))
