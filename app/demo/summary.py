"""What a run of the demo amounts to: the one JSON object that ``watchglass demo --once`` prints last."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FATES = ("stored", "duplicate", "rejected", "dropped")


@dataclass(slots=True)
class Summary:
    """Everything the demo counts; ``report`` is a path, ``peak_pss_mb`` the memory of all processes together."""

    predictions: int = 0
    labels: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    dropped: int = 0
    measurements: int = 0
    alerts_fired: int = 0
    alerts_delivered: int = 0
    explanations: list[dict[str, Any]] = field(default_factory=list)
    report: str = ""
    accuracy: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    peak_pss_mb: float = 0.0

    def count_fates(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take over from the ledger what became of the captured rows; labels have a ledger of their own."""
        for fate, rows in captured(lines).items():
            setattr(self, fate, rows)

    @property
    def accounted(self) -> int:
        """How many predictions the ledger knows the fate of."""
        return self.stored + self.duplicate + self.rejected + self.dropped


def captured(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many captured rows met each fate.

    >>> lines = [{"source": source, "outcome": "stored", "rows": rows} for source, rows in (("asgi", 3), ("labels", 2))]
    >>> captured(lines)
    {'stored': 3, 'duplicate': 0, 'rejected': 0, 'dropped': 0}
    """
    counts = dict.fromkeys(FATES, 0)
    for line in lines:
        if line["source"] != "labels":
            counts[line["outcome"]] += line["rows"]
    return counts


def realised_accuracy(measurements: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return each version's share of right predictions, from its daily `performance.accuracy` over all traffic.

    >>> day = {"version": "1", "segment": "all"}
    >>> days = [day | {"value": 0.5, "rows": 2}, day | {"value": 0.8, "rows": 10}]
    >>> realised_accuracy(days)
    {'1': 0.75}
    """
    right: dict[str, float] = defaultdict(float)
    rows: dict[str, int] = defaultdict(int)
    for day in measurements:
        if day["segment"] == "all" and day["value"] is not None:
            right[day["version"]] += day["value"] * day["rows"]
            rows[day["version"]] += day["rows"]
    return {version: round(right[version] / rows[version], 4) for version in sorted(rows)}
