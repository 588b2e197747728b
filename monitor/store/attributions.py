"""What sampled rows were answered by: one row for each explained row and input, of each window and of the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from monitor.profile.values import Floats
from monitor.store.database import Database
from monitor.store.sql import UTC_TIME, naive

KEEP_DAYS = 90
"""For how many days the samples of windows are kept, back from the newest; what was measured of them stays."""


@dataclass(frozen=True, slots=True)
class Attributed:
    """One explained row: its id and time, and by input the value it had and what that contributed.

    A value is a number (times as seconds since 1970), a text, or None.
    """

    id: str
    time: datetime
    values: dict[str, float | str | None]
    amounts: dict[str, float]


@dataclass(frozen=True, slots=True)
class AttributedSample:
    """Some explained rows as arrays: contributions ``amounts`` [n, inputs], times [n] in seconds since 1970."""

    features: tuple[str, ...]
    amounts: Floats
    times: Floats


class Attributions:
    """Samples by model, version, basis and the start of their window (None: the reference)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, model: str, version: str, basis: str, start: datetime | None, rows: Sequence[Attributed]) -> None:
        """Keep a sample in place of an earlier one of the same window; samples too old are let go."""
        long = [(row, feature) for row in rows for feature in row.amounts]
        values = [row.values.get(feature) for row, feature in long]
        table = pa.table(
            {
                "model": pa.repeat(pa.scalar(model), len(long)),
                "version": pa.repeat(pa.scalar(version), len(long)),
                "basis": pa.repeat(pa.scalar(basis), len(long)),
                "window_start": pa.repeat(pa.scalar(start, UTC_TIME), len(long)),
                "inference_id": pa.array([row.id for row, _ in long], pa.string()),
                "time": pa.array([row.time for row, _ in long], UTC_TIME),
                "feature": pa.array([feature for _, feature in long], pa.string()),
                "number": pa.array([None if isinstance(each, str) else each for each in values], pa.float64()),
                "text": pa.array([each if isinstance(each, str) else None for each in values], pa.string()),
                "amount": pa.array([row.amounts[feature] for row, feature in long], pa.float64()),
            }
        )
        moment = None if start is None else naive(start)
        with self._database.transaction():
            self._database.query(
                "DELETE FROM attributions WHERE model = ? AND version = ? AND window_start IS NOT DISTINCT FROM ?",
                [model, version, moment],
            )
            self._database.insert("attributions", table)
            if start is not None:
                self.forget(model, start - timedelta(days=KEEP_DAYS))

    def forget(self, model: str, before: datetime) -> None:
        """Let the samples go of all windows that began before a moment, since rows are not to be kept longer."""
        self._database.query("DELETE FROM attributions WHERE model = ? AND window_start < ?", [model, naive(before)])

    def has(self, model: str, version: str, basis: str, start: datetime | None) -> bool:
        """Tell whether there is such a sample."""
        return bool(
            self._database.scalar(
                "SELECT count(*) FROM attributions WHERE model = ? AND version = ? AND basis = ? "
                "AND window_start IS NOT DISTINCT FROM ?",
                [model, version, basis, None if start is None else naive(start)],
            )
        )

    def sample(self, model: str, version: str, basis: str, start: datetime | None) -> AttributedSample | None:
        """Return the sample of a window (None: of the reference), in order of time; None where there is none."""
        found = self._database.query(
            'SELECT inference_id, feature, amount, epoch("time") AS "time" FROM attributions WHERE model = ? AND '
            'version = ? AND basis = ? AND window_start IS NOT DISTINCT FROM ? ORDER BY "time", inference_id, feature',
            [model, version, basis, None if start is None else naive(start)],
        )
        if not len(found):
            return None
        features = sorted(set(found["feature"].to_pylist()))
        amounts = found["amount"].to_numpy().reshape(-1, len(features))
        return AttributedSample(tuple(features), amounts, found["time"].to_numpy()[:: len(features)].astype(np.float64))

    def sizes(self, model: str, version: str, feature: str, limit: int) -> tuple[list[float | str | None], list[float]]:
        """Return values of one input and the sizes of what they contributed, of the newest rows sampled in windows."""
        rows = self._database.rows(
            "SELECT number, text, abs(amount) AS size FROM attributions WHERE model = ? AND version = ? "
            'AND feature = ? AND window_start IS NOT NULL ORDER BY "time" DESC, inference_id LIMIT ?',
            [model, version, feature, limit],
        )
        return [row["number"] if row["text"] is None else row["text"] for row in rows], [row["size"] for row in rows]
