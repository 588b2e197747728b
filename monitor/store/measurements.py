"""Measurements, one a (model, version, metric, feature, segment, window); and how far each job has come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from monitor.store.database import Database
from monitor.store.sql import UTC_TIME, naive
from monitor.types import Measurement, Status, Window

_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("version", pa.string()),
        ("metric", pa.string()),
        ("feature", pa.string()),
        ("segment", pa.string()),
        ("window_start", UTC_TIME),
        ("window_end", UTC_TIME),
        ("value", pa.float64()),
        ("rows", pa.int64()),
        ("coverage", pa.float64()),
        ("threshold", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("status", pa.string()),
        ("details", pa.string()),
    ]
)
_KEY = ("model", "version", "metric", "feature", "segment", "window_start", "window_end")


class Measurements:
    """What jobs measured. A job that runs again over a window replaces what it measured there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, measurements: Sequence[Measurement]) -> None:
        """Store measurements, replacing those of the same key; of equals in one call the last counts."""
        newest = {tuple(getattr(found, name) for name in _IDENTITY): found for found in measurements}
        if not newest:
            return
        rows = pa.Table.from_pylist([_row(found) for found in newest.values()], schema=_SCHEMA)
        same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM fresh.{name}" for name in _KEY)
        with self._database.transaction():
            self._database.query(f"DELETE FROM measurements AS old USING fresh WHERE {same}", fresh=rows)  # noqa: S608 - fixed
            self._database.insert("measurements", rows)

    def query(
        self,
        model: str,
        *,
        metric: str | None = None,
        feature: str | None = None,
        segment: str | None = None,
        version: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100_000,
    ) -> list[Measurement]:
        """Return measurements by window, metric, feature, segment and version.

        Args:
            model: whose.
            metric: its name, or a beginning followed by ``*``.
            feature: only of this feature.
            segment: only of this segment.
            version: only of this version.
            start: windows that begin at or after.
            end: windows that begin before.
            limit: at most this many, the newest windows first in the choice.
        """
        prefix = metric is not None and metric.endswith("*")
        test = "starts_with(metric, ?)" if prefix else "metric = ?"
        rows = self._database.rows(
            "SELECT * FROM (SELECT * FROM measurements WHERE model = ? "  # noqa: S608 - fixed texts
            f"AND coalesce({test}, true) AND coalesce(feature = ?, ? IS NULL) AND coalesce(segment = ?, true) "
            "AND coalesce(version = ?, true) "
            "AND coalesce(window_start >= ?, true) AND coalesce(window_start < ?, true) "
            "ORDER BY window_start DESC, metric, feature, segment, version LIMIT ?) "
            "ORDER BY window_start, metric, feature, segment, version",
            [
                model,
                metric[:-1] if metric is not None and prefix else metric,
                feature,
                feature,
                segment,
                version,
                naive(start),
                naive(end),
                limit,
            ],
        )
        return [_measurement(row) for row in rows]

    def watermark(self, job: str, model: str) -> datetime | None:
        """Return the end of the last window a job has done for a model."""
        found = self._database.rows(
            "SELECT max(until) AS until FROM watermarks WHERE job = ? AND model = ?", [job, model]
        )
        until = found[0]["until"]
        return until if isinstance(until, datetime) else None

    def set_watermark(self, job: str, model: str, until: datetime) -> None:
        """Remember the end of the last window a job has done for a model."""
        with self._database.transaction():
            self._database.query("DELETE FROM watermarks WHERE job = ? AND model = ?", [job, model])
            self._database.query("INSERT INTO watermarks VALUES (?, ?, ?)", [job, model, naive(until)])

    def seen(self, model: str) -> int | None:
        """Return the seq up to which rows were looked at for windows measured before; None before the first look."""
        found = self._database.scalar("SELECT max(up_to_seq) FROM seen WHERE model = ?", [model])
        return found if isinstance(found, int) else None

    def set_seen(self, model: str, up_to_seq: int, *, was: int | None) -> None:
        """Remember up to which seq rows were looked at; not if ``seen`` is no longer what it was before the look."""
        with self._database.transaction():
            if self.seen(model) == was:
                self._database.query("DELETE FROM seen WHERE model = ?", [model])
                self._database.query("INSERT INTO seen VALUES (?, ?)", [model, up_to_seq])

    def look_again(self, model: str, after_seq: int) -> None:
        """Let the windows of rows after a seq be measured again: what they are compared with is another now."""
        with self._database.transaction():
            self._database.query("UPDATE seen SET up_to_seq = least(up_to_seq, ?) WHERE model = ?", [after_seq, model])

    def put_again(self, model: str, starts: Sequence[datetime], up_to_seq: int) -> None:
        """Remember windows, by their starts, that rows up to a seq came for, to be measured again in their turn."""
        with self._database.transaction():
            for start in starts:
                self._database.write("DELETE FROM again WHERE model = ? AND start = ?", [model, naive(start)])
                self._database.write("INSERT INTO again VALUES (?, ?, ?)", [model, naive(start), up_to_seq])

    def next_again(self, model: str) -> tuple[datetime, int] | None:
        """Return the first of these windows and the seq it was remembered with, if there is one."""
        first = "SELECT start, up_to_seq FROM again WHERE model = ? ORDER BY start LIMIT 1"
        found = self._database.rows(first, [model])
        return (found[0]["start"], found[0]["up_to_seq"]) if found else None

    def done_again(self, model: str, start: datetime, up_to_seq: int) -> None:
        """Forget one of these windows; not if more rows have come for it meanwhile."""
        self._database.write(
            "DELETE FROM again WHERE model = ? AND start = ? AND up_to_seq <= ?", [model, naive(start), up_to_seq]
        )


_IDENTITY = ("model", "version", "metric", "feature", "segment", "window")
_SHARED = ("model", "version", "metric", "feature", "segment", "value", "rows", "coverage", "threshold")


def _row(found: Measurement) -> dict[str, object]:
    low, high = found.interval or (None, None)
    return {name: getattr(found, name) for name in _SHARED} | {
        "window_start": found.window.start,
        "window_end": found.window.end,
        "low": low,
        "high": high,
        "status": found.status.value,
        "details": msgspec.json.encode(dict(found.details)).decode(),
    }


def _measurement(row: dict[str, Any]) -> Measurement:
    return Measurement(
        window=Window(row["window_start"], row["window_end"]),
        interval=None if row["low"] is None else (row["low"], row["high"]),
        status=Status(row["status"]),
        details=msgspec.json.decode(row["details"]),
        **{name: row[name] for name in _SHARED},
    )
