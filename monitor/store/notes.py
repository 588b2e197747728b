"""What owners did about an alert, and when: the history that an alert shows."""

from dataclasses import dataclass
from datetime import datetime

from monitor.store.database import Database
from monitor.store.sql import naive


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was done about an alert.

    Attributes:
        at: when.
        who: by whom, as they said.
        action: ``fired``, ``snoozed``, ``rebaselined`` or ``backfilled``.
        said: in words.
    """

    at: datetime
    who: str
    action: str
    said: str


class Notes:
    """Notes by alert; they are added and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, alert: str, note: Note) -> None:
        """Add a note about an alert."""
        values = [alert, naive(note.at), note.who, note.action, note.said]
        with self._database.transaction():
            self._database.query("INSERT INTO alert_notes VALUES (?, ?, ?, ?, ?)", values)

    def of(self, alert: str) -> list[Note]:
        """Return what was done about an alert, oldest first."""
        rows = self._database.rows(
            'SELECT "at", who, "action", said FROM alert_notes WHERE alert = ? ORDER BY "at", rowid', [alert]
        )
        return [Note(**row) for row in rows]
