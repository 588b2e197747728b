"""What was imported before, so that an import that was broken off goes on where its last acknowledged piece ended.

It is kept beside the store, by the content of each file and what it was imported as; no captured value is in it. It is
believed only while the store has not fallen behind it: a store that was emptied or restored is given everything again.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.intake.pieces import Part

FILE = "imports.sqlite"
_LAYOUT = 1
"""Of how files are cut into pieces; another one makes what was remembered worthless."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of one file was acknowledged; ``halves`` are those it gives, which another file may complete."""

    inferences: int = 0
    labels: int = 0
    done: bool = False
    halves: int = 0


class Memory:
    """What was taken, by file and by what it was imported as.

    Args:
        folder: the store's; None where it is not at hand, and then nothing is remembered.
        asked: everything beside the file that its rows depend on: model, format, columns.
        stored: how many rows of imports the store's ledger counts.
    """

    def __init__(self, folder: Path | None, asked: Mapping[str, object], stored: int) -> None:
        self._asked = json.dumps([_LAYOUT, dict(asked)], sort_keys=True, default=str)
        self._stored = stored
        self._broken: set[int] = set()
        self._database: sqlite3.Connection | None = None
        if folder is None:
            return
        try:
            self._database = sqlite3.connect(folder / FILE, isolation_level=None, timeout=5.0)
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY, inferences INTEGER, labels INTEGER, "
                "done INTEGER, halves INTEGER, stored INTEGER)"
            )
        except sqlite3.Error:  # it only saves time: without it all is sent again, and recognised
            self._database = None

    def taken(self, digest: str) -> Taken:
        """Return how much of the file with this content was acknowledged."""
        if self._database is None:
            return Taken()
        try:
            row = self._database.execute(
                "SELECT inferences, labels, done, halves FROM taken WHERE key = ? AND stored <= ?",
                (self._key(digest), self._stored),
            ).fetchone()
        except sqlite3.Error:
            return Taken()
        return Taken() if row is None else Taken(row[0], row[1], bool(row[2]), row[3])

    def add(self, parts: Iterable[tuple[str, Part]], *, whole: bool, stored: int) -> None:
        """Note that a piece was acknowledged.

        A piece of which rows were rejected is not noted, nor what follows it in its files: it is sent again next time,
        and what was rejected is told again.

        Args:
            parts: what the piece held, with the digest of each file.
            whole: whether every row of it was stored, or there already.
            stored: how many of its rows are new in the store.
        """
        self._stored += stored
        if self._database is None:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for digest, part in parts:
                if not whole and (part.inferences or part.labels):
                    self._broken.add(part.place)
                if part.place not in self._broken:
                    self._note(digest, part)
            self._database.execute("COMMIT")
        except sqlite3.Error:
            self._database = None

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()

    def _note(self, digest: str, part: Part) -> None:
        before = self.taken(digest)
        row = (
            self._key(digest),
            before.inferences + part.inferences,
            before.labels + part.labels,
            part.done,
            part.halves,
            self._stored,
        )
        assert self._database is not None  # noqa: S101 - asked by add
        self._database.execute("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?, ?)", row)

    def _key(self, digest: str) -> str:
        return hashlib.sha256(f"{digest} {self._asked}".encode()).hexdigest()
