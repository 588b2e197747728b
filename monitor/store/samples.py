"""Figures of model servers and GPUs over time: as they came for a day, then by the hour, then no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from monitor.store.database import Database
from monitor.store.sql import UTC_TIME, naive
from monitor.types import Window

FINE = timedelta(hours=24)
"""How long every sample is kept."""

HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure at one moment. ``part`` tells several apart, such as GPUs; ``model`` is "" for this machine's own."""

    model: str
    source: str
    metric: str
    part: str
    time: datetime
    value: float


class Samples:
    """Samples by model; see the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, samples: Sequence[Sample]) -> None:
        """Keep samples, in one transaction."""
        rows = pa.table(
            {
                "model": pa.array([each.model for each in samples], pa.string()),
                "source": pa.array([each.source for each in samples], pa.string()),
                "metric": pa.array([each.metric for each in samples], pa.string()),
                "labels": pa.array([each.part for each in samples], pa.string()),
                "time": pa.array([each.time for each in samples], UTC_TIME),
                "value": pa.array([each.value for each in samples], pa.float64()),
                "step": pa.array([0] * len(samples), pa.int32()),
            }
        )
        with self._database.transaction():
            self._database.insert("samples", rows)

    def query(self, model: str, window: Window) -> list[Sample]:
        """Return the samples of a model, or of this machine (""), in order of time."""
        found = self._database.rows(
            "SELECT * FROM samples WHERE model = ? AND time >= ? AND time < ? ORDER BY time, source, metric, labels",
            [model, naive(window.start), naive(window.end)],
        )
        return [
            Sample(
                model=row["model"],
                source=row["source"],
                metric=row["metric"],
                part=row["labels"],
                time=row["time"],
                value=row["value"],
            )
            for row in found
        ]

    def thin(self, now: datetime, keep_days: int) -> None:
        """Make one mean an hour of what is older than a day, and forget what is older than ``keep_days``."""
        fine = naive((now - FINE).replace(minute=0, second=0, microsecond=0))
        with self._database.transaction():
            self._database.query("DELETE FROM samples WHERE time < ?", [naive(now - timedelta(days=keep_days))])
            old = self._database.query(
                "SELECT model, source, metric, labels, date_trunc('hour', time) AS time, avg(value) AS value, "
                "?::INTEGER AS step FROM samples WHERE time < ? AND step = 0 GROUP BY ALL ORDER BY ALL",
                [HOUR, fine],
            )
            self._database.query("DELETE FROM samples WHERE time < ? AND step = 0", [fine])
            self._database.insert("samples", old)
