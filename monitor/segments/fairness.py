"""Groups of a protected feature side by side: how often they are chosen, and how often rightly.

Every group is held against one of them, the largest of the reference, so that a figure means the same every day. The
intervals are Newcombe's for a difference of shares (his method 10, of Wilson's intervals) and Katz' for their ratio;
they cover what chance in these rows can do, and nothing else. A figure is a fact about counts, no legal judgement: the
line at four fifths is one that US agencies look at first (29 CFR 1607.4 D).
"""

import math
from dataclasses import dataclass
from typing import Final

FOUR_FIFTHS: Final = 0.8
_Z: Final = 1.959963984540054  # 95 %

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of some rows: ``part`` of ``rows``."""

    part: int
    rows: int

    @property
    def value(self) -> float:
        """The share; NaN without rows."""
        return self.part / self.rows if self.rows else math.nan

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval.

        >>> low, high = Share(10, 100).interval
        >>> round(low, 4), round(high, 4)
        (0.0552, 0.1744)
        """
        n, p = self.rows, self.value
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n)) / (1 + _Z**2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of a group beside another, with its 95 % interval."""

    value: float
    interval: Interval


def difference(group: Share, other: Share) -> Compared | None:
    """Return the share of a group minus that of another; None where either has no rows.

    >>> found = difference(Share(56, 70), Share(48, 80))
    >>> round(found.value, 2), [round(end, 4) for end in found.interval]
    (0.2, [0.0524, 0.3339])
    """
    if not group.rows or not other.rows:
        return None
    (low, high), (other_low, other_high) = group.interval, other.interval
    value = group.value - other.value
    down = math.hypot(group.value - low, other_high - other.value)
    up = math.hypot(high - group.value, other.value - other_low)
    return Compared(value, (value - down, value + up))


def ratio(group: Share, other: Share) -> Compared | None:
    """Return the share of a group divided by that of another; None where the other's share is 0 or either has no rows.

    >>> found = ratio(Share(40, 100), Share(50, 100))
    >>> round(found.value, 2), [round(end, 2) for end in found.interval]
    (0.8, [0.59, 1.09])
    """
    if not group.rows or not other.rows or not other.part:
        return None
    value = group.value / other.value
    part, rest = max(group.part, 0.5), other.part  # a group that was never chosen has an upper end too
    error = _Z * math.sqrt(max(0.0, 1 / part - 1 / group.rows + 1 / rest - 1 / other.rows))
    middle = part / group.rows / other.value
    return Compared(value, (middle * math.exp(-error) if group.part else 0.0, middle * math.exp(error)))


def words(metric: str, found: Compared, group: str, other: str, positive: str) -> str:
    """Return a figure as a sentence.

    >>> words("disparate_impact", Compared(0.8, (0.59, 1.09)), "Sex F", "Sex M", "yes")
    "Sex F gets 'yes' 0.80 times as often as Sex M (95 %: 0.59 to 1.09)."
    """
    low, high = found.interval
    if metric == "disparate_impact":
        return f"{group} gets {positive!r} {found.value:.2f} times as often as {other} (95 %: {low:.2f} to {high:.2f})."
    chosen = metric == "statistical_parity"
    whom = f"{group} gets {positive!r}" if chosen else f"of those who are {positive!r}, {group} is found"
    more = "more" if found.value >= 0 else "less"
    said = f"{whom} {abs(found.value) * 100:.1f} pp {more} often than {other}"
    return f"{said[0].upper()}{said[1:]} (95 %: {low * 100:+.1f} to {high * 100:+.1f} pp)."
