"""How fast labels come: the share of a window's predictions that had one so long after it closed.

It is noted as it happens, in the details of the window's coverage: what was there when an age was passed. What came
before the first look, as in an import, has no age.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from monitor.types import Measurement, Scalar, Window

AGES: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "2d": timedelta(days=2),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
}


def noted(before: Measurement | None, window: Window, now: datetime) -> dict[str, Scalar]:
    """Return ``after_<age>`` for every age that has passed, as details of a window's coverage.

    Args:
        before: the window's coverage as it was measured last; None at the first look, which tells of no age.
        window: whose labels.
        now: when they are looked at again.
    """
    if before is None:
        return {"first_look": (now - window.end).total_seconds()}
    kept = {name: value for name, value in before.details.items() if name.startswith("after_") or name == "first_look"}
    first = kept.get("first_look")
    for name, age in AGES.items():
        passed = window.end + age <= now
        seen = isinstance(first, int | float) and first <= age.total_seconds()
        if passed and seen and f"after_{name}" not in kept and before.value is not None:
            kept[f"after_{name}"] = before.value
    return kept


def curve(coverages: Sequence[Measurement], now: datetime) -> dict[str, float]:
    """Return the share of labelled predictions by age, over the windows that have reached it and were seen to.

    An age that has passed without another label since is answered by the coverage of now.

    Args:
        coverages: the coverage of each window.
        now: the present.
    """
    found = {}
    for name, age in AGES.items():
        parts = []
        for each in coverages:
            first = each.details.get("first_look")
            if each.value is None or not isinstance(first, int | float) or first > age.total_seconds():
                continue
            if each.window.end + age > now:
                continue
            value = each.details.get(f"after_{name}", each.value)
            parts.append((float(value) if isinstance(value, int | float) else each.value, each.rows))
        rows = sum(count for _, count in parts)
        if rows:
            found[name] = sum(value * count for value, count in parts) / rows
    return found
