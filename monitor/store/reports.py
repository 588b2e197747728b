"""Written reports: where they are and what they cover."""

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.documents import Document
from monitor.store.sql import naive
from monitor.types import Report

_REPORT = Document(Report)


class Reports:
    """Reports by id; the pages themselves are files beside the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, report: Report) -> None:
        """Store a report, replacing the one of the same id."""
        with self._database.transaction():
            self._database.query("DELETE FROM reports WHERE id = ?", [report.id])
            self._database.query(
                "INSERT INTO reports VALUES (?, ?, ?, ?)",
                [report.id, report.model, naive(report.created), _REPORT.write(report)],
            )

    def get(self, id: str) -> Report:  # noqa: A002 - the noun
        """Return one report.

        Raises:
            NotFound: there is none of that id.
        """
        body = self._database.scalar("SELECT body FROM reports WHERE id = ?", [id])
        if body is None:
            raise NotFound(f"There is no report {id!r}.")
        return _REPORT.read(body)

    def query(self, model: str | None = None) -> list[Report]:
        """Return reports, of one model or all, newest first."""
        rows = self._database.rows(
            "SELECT body FROM reports WHERE coalesce(model = ?, true) ORDER BY created DESC, id", [model]
        )
        return [_REPORT.read(row["body"]) for row in rows]
