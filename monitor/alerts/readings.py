"""What a rule sees: one reading a window of everything the rule is about, apart by version and feature."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.errors import InvalidInput
from monitor.types import Measurement, Rule, Status, Window

COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
USUAL_ROWS: Final = Rule(name="", metric="").min_rows
"""So many rows are enough for any rule that does not say otherwise."""

# A count of rows is as true of three rows as of a million; everything else needs enough rows to be believed.
COUNTS: Final = frozenset({"traffic.rows"})

# Of explained rows there are few by design (at most 50 a window); where they are too few, that is measured as such.
SAMPLED: Final = "attribution."


@dataclass(frozen=True, slots=True)
class Key:
    """Which incident: a rule may have one open for each feature, segment and version."""

    rule: str
    feature: str | None
    segment: str
    version: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement as a rule sees it: the bound that holds, and whether it is broken."""

    measurement: Measurement
    threshold: float
    breach: bool

    @property
    def excess(self) -> float:
        """How far beyond the bound it is, to find the worst of several; comparable between bounds of one rule."""
        value = self.measurement.value or 0.0
        return abs(value - self.threshold) / (abs(self.threshold) or 1.0)


def check_rule(rule: Rule) -> None:
    """Refuse a rule that could never be evaluated.

    Raises:
        InvalidInput: the comparison is unknown, or ``windows`` or ``min_rows`` are out of range.

    >>> check_rule(Rule(name="auc-floor", metric="performance.auc", op="<", threshold=0.7))
    """
    if rule.op not in COMPARE:
        raise InvalidInput(f"rule {rule.name!r}: op is {rule.op!r}; allowed are {', '.join(COMPARE)}")
    if rule.windows < 1:
        raise InvalidInput(f"rule {rule.name!r}: windows is {rule.windows}; it must be 1 or more")
    if rule.min_rows < 0:
        raise InvalidInput(f"rule {rule.name!r}: min_rows is {rule.min_rows}; it must be 0 or more")


def applies(rule: Rule, metric: str, feature: str | None) -> bool:
    """Whether a rule is about this metric of this feature.

    A metric may end in ``*``. Without a feature a rule is about every input column, and about what has no feature;
    the model's output (``_score``, ``_prediction``) must be named.

    >>> applies(Rule(name="faults", metric="quality.*"), "quality.null_share", "temp")
    True
    >>> applies(Rule(name="drift", metric="drift.psi"), "drift.psi", "_score")
    False
    """
    same = metric.startswith(rule.metric[:-1]) if rule.metric.endswith("*") else metric == rule.metric
    if rule.feature is None:
        return same and not (feature or "").startswith("_")
    return same and feature == rule.feature


def about(rule: Rule, measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return the measurements that a rule is about, whether they say enough or not."""
    return [
        given
        for given in measurements
        if given.segment == rule.segment
        and rule.version in (None, given.version)
        and applies(rule, given.metric, given.feature)
    ]


def reading(rule: Rule, given: Measurement) -> Reading | None:
    """Return the measurement as the rule sees it; None where it says too little to breach or to clear."""
    bound = given.threshold if rule.threshold is None else rule.threshold
    if bound is None or given.value is None:
        return None
    unasked = given.metric.startswith(SAMPLED) and rule.min_rows == USUAL_ROWS
    if given.metric not in COUNTS and not unasked and given.rows < rule.min_rows:
        return None
    if given.status is Status.INSUFFICIENT and (rule.threshold is None or given.rows >= USUAL_ROWS):
        return None  # fewer rows than usual are enough where the owner wrote down bound and number
    return Reading(given, bound, COMPARE[rule.op](given.value, bound))


def readings(rule: Rule, measurements: Sequence[Measurement]) -> dict[Key, Reading]:
    """Return one window's reading for every incident the rule could have.

    Where a rule covers several metrics of one column, the worst breach speaks for them; it is clear only if all are.
    """
    found: dict[Key, Reading] = {}
    for given in about(rule, measurements):
        seen = reading(rule, given)
        if seen is None:
            continue
        key = Key(rule.name, given.feature, given.segment, given.version)
        best = found.get(key)
        if best is None or (seen.breach, seen.excess) > (best.breach, best.excess):
            found[key] = seen
    return found


def histories(rule: Rule, by_window: Mapping[Window, Sequence[Measurement]]) -> dict[Key, list[tuple[Window, Reading]]]:
    """Return each possible incident's readings in order of time; windows that say too little are left out."""
    found: dict[Key, list[tuple[Window, Reading]]] = {}
    for window in sorted(by_window, key=lambda each: each.start):
        for key, seen in readings(rule, by_window[window]).items():
            found.setdefault(key, []).append((window, seen))
    return found
