"""Backgrounds: the rows of a reference that explanations compared with, kept for as long as somebody may ask."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from monitor.errors import NotFound
from monitor.store.database import Database
from monitor.store.documents import Document
from monitor.store.sql import naive

KEPT: Final = 100
"""Of one model; of more, those made first go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBackground:
    """Some rows that stand for a usual one, as columns in the model's inputs; ``hash`` is the sha256 of their values.

    Null is null; times are seconds since 1970, truth values 0 and 1, as models are asked.
    """

    model: str
    hash: str
    source: str
    rows: int
    columns: dict[str, list[Any]]
    created: datetime


_BACKGROUND = Document(KeptBackground)


class Backgrounds:
    """Backgrounds by model and hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, given: KeptBackground) -> None:
        """Keep one, unless it is known."""
        key = [given.model, given.hash]
        with self._database.transaction():
            if self._database.scalar("SELECT count(*) FROM backgrounds WHERE model = ? AND hash = ?", key):
                return
            body = _BACKGROUND.write(given)
            self._database.query("INSERT INTO backgrounds VALUES (?, ?, ?, ?)", [*key, naive(given.created), body])
            self._database.query(
                "DELETE FROM backgrounds WHERE model = ? AND hash NOT IN "
                "(SELECT hash FROM backgrounds WHERE model = ? ORDER BY created DESC, hash LIMIT ?)",
                [given.model, given.model, KEPT],
            )

    def get(self, model: str, hash: str) -> KeptBackground:  # noqa: A002 - the noun
        """Return one.

        Raises:
            NotFound: it is not kept.
        """
        found = self._database.rows("SELECT body FROM backgrounds WHERE model = ? AND hash = ?", [model, hash])
        if not found:
            raise NotFound(
                f"No background {hash!r} of {model!r} is kept. The newest {KEPT} of a model's references are; where "
                "explanations compare with captured rows, only the hash is."
            )
        return _BACKGROUND.read(found[0]["body"])
