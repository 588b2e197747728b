"""Explanations: why a model answered what it answered, kept so that the same question is not computed twice."""

from datetime import datetime

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.documents import Document
from monitor.store.sql import naive
from monitor.types import Explanation, Window

_EXPLANATION = Document(Explanation)


class Explanations:
    """Explanations by inference. A fingerprint says with which settings, seed, background and model one was made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, explanation: Explanation, fingerprint: str = "", *, time: datetime | None = None, sampled: bool = False
    ) -> None:
        """Store an explanation, replacing the one of the same id.

        Args:
            explanation: what was found.
            fingerprint: of everything it follows from.
            time: when the explained row was captured.
            sampled: whether chance chose the row, so that it may stand for others of its window.
        """
        key = [explanation.id, explanation.model, explanation.version, explanation.inference_id, explanation.method]
        made = [fingerprint, naive(explanation.created), _EXPLANATION.write(explanation)]
        with self._database.transaction():
            self._database.query("DELETE FROM explanations WHERE id = ?", [explanation.id])
            self._database.query(
                "INSERT INTO explanations (id, model, version, inference_id, method, fingerprint, created, body, "
                '"time", sampled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
                [*key, *made, None if time is None else naive(time), sampled],
            )

    def mark_sampled(self, id: str) -> None:  # noqa: A002 - the noun
        """Say that chance, too, chose the row of an explanation that was there already."""
        with self._database.transaction():
            self._database.query("UPDATE explanations SET sampled = true WHERE id = ? AND sampled IS NOT true", [id])

    def sample(
        self, model: str, window: Window, *, version: str | None = None, method: str | None = None
    ) -> list[Explanation]:
        """Return the explanations of rows captured in a window that chance chose, in order of time.

        A row that was explained several times by one method counts once, by its newest explanation.
        """
        rows = self._database.rows(
            'SELECT body FROM explanations WHERE model = ? AND sampled AND "time" >= ? AND "time" < ? '
            "AND coalesce(version = ?, true) AND coalesce(method = ?, true) QUALIFY row_number() OVER "
            '(PARTITION BY version, inference_id, method ORDER BY created DESC, id) = 1 ORDER BY "time", id',
            [model, naive(window.start), naive(window.end), version, method],
        )
        return [_EXPLANATION.read(row["body"]) for row in rows]

    def find(
        self,
        model: str,
        inference_id: str,
        *,
        version: str | None = None,
        method: str | None = None,
        fingerprint: str | None = None,
    ) -> Explanation | None:
        """Return the newest explanation of an inference that fits, or None."""
        body = self._database.scalar(
            "SELECT body FROM explanations WHERE model = ? AND inference_id = ? AND coalesce(version = ?, true) "
            "AND coalesce(method = ?, true) AND coalesce(fingerprint = ?, true) ORDER BY created DESC, id LIMIT 1",
            [model, inference_id, version, method, fingerprint],
        )
        return None if body is None else _EXPLANATION.read(body)

    def get(self, id: str) -> Explanation:  # noqa: A002 - the noun
        """Return one explanation.

        Raises:
            NotFound: there is none of that id.
        """
        body = self._database.scalar("SELECT body FROM explanations WHERE id = ?", [id])
        if body is None:
            raise NotFound(f"There is no explanation {id!r}.")
        return _EXPLANATION.read(body)

    def query(self, model: str, inference_id: str | None = None, limit: int = 10_000) -> list[Explanation]:
        """Return the explanations of one inference, or of a model, the newest ones first and at most so many."""
        rows = self._database.rows(
            "SELECT body FROM explanations WHERE model = ? AND coalesce(inference_id = ?, true) "
            "ORDER BY created DESC, id LIMIT ?",
            [model, inference_id, limit],
        )
        return [_EXPLANATION.read(row["body"]) for row in rows]
