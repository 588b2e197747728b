"""What detectors remember: one snapshot a version and window, and the traffic that owners took for the new normal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.store.database import Database
from monitor.store.sql import naive

KEPT = 40
"""So many windows' snapshots are kept; a window before them cannot be stepped anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A detector's memory at the end of one window.

    Attributes:
        version: whose.
        until: the end of the window.
        basis: what its evidence is measured against; evidence against another reference does not go on.
        state: `monitor.detection.State` as JSON values.
    """

    version: str
    until: datetime
    basis: str
    state: Mapping[str, Any]


class Detections:
    """Snapshots and baselines. Whoever steps a detector puts its snapshot in the transaction of its measurements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, model: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in place of the one of the same window; let go of what is older than `KEPT` windows."""
        key = [model, snapshot.version]
        with self._database.transaction():
            place = [*key, naive(snapshot.until)]
            self._database.query("DELETE FROM detection_states WHERE model = ? AND version = ? AND until = ?", place)
            self._database.query(
                "INSERT INTO detection_states VALUES (?, ?, ?, ?, ?)",
                [*place, snapshot.basis, json.dumps(snapshot.state)],
            )
            self._database.query(
                "DELETE FROM detection_states WHERE model = ? AND version = ? AND until < (SELECT min(until) FROM "
                "(SELECT until FROM detection_states WHERE model = ? AND version = ? ORDER BY until DESC LIMIT ?))",
                [*key, *key, KEPT],
            )

    def latest(self, model: str, until: datetime | None = None) -> list[Snapshot]:
        """Return each version's newest snapshot of a window that ended by a moment (by now, if not given)."""
        rows = self._database.rows(
            "SELECT version, until, basis, state FROM detection_states "
            "WHERE model = ? AND coalesce(until <= ?, true) "
            "QUALIFY row_number() OVER (PARTITION BY version ORDER BY until DESC) = 1 ORDER BY version",
            [model, naive(until)],
        )
        return [_snapshot(row) for row in rows]

    def clear(self, model: str) -> None:
        """Forget what the detectors of a model remembered; what owners took for normal stays."""
        with self._database.transaction():
            self._database.query("DELETE FROM detection_states WHERE model = ?", [model])

    def rebase(self, model: str, version: str, columns: list[str], since: datetime) -> None:
        """Compare columns with their own traffic from a moment on, instead of the reference."""
        with self._database.transaction():
            for column in columns:
                place = [model, version, column]
                self._database.query(
                    'DELETE FROM detection_baselines WHERE model = ? AND version = ? AND "column" = ?', place
                )
                self._database.query("INSERT INTO detection_baselines VALUES (?, ?, ?, ?)", [*place, naive(since)])

    def baselines(self, model: str, version: str) -> dict[str, datetime]:
        """Return by column from when on its traffic is the normal one."""
        rows = self._database.rows(
            'SELECT "column", since FROM detection_baselines WHERE model = ? AND version = ? ORDER BY "column"',
            [model, version],
        )
        return {row["column"]: row["since"] for row in rows}


def _snapshot(row: Mapping[str, Any]) -> Snapshot:
    return Snapshot(row["version"], row["until"], row["basis"], json.loads(row["state"]))
