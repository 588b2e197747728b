"""How far the journal in front of the store has been brought in: written in the transaction that brings it in."""

from monitor.store.database import Database


class Journaled:
    """One number: frames of the journal up to it are in the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reached(self) -> int:
        """Return the number of the last frame that is in the tables, 0 before the first.

        >>> from monitor.store import Store
        >>> with Store.open(":memory:") as store:
        ...     store.journaled.reach(7)
        ...     store.journaled.reached()
        7
        """
        return self._database.integer("SELECT max(reached) FROM journal")

    def reach(self, number: int) -> None:
        """Say that the frames up to ``number`` are, or will not be, in the tables."""
        self._database.write("UPDATE journal SET reached = ?", [number])

    def lose(self, expected: int, found: int) -> None:
        """Remember for good that acknowledged frames are missing; `watchglass verify` shows it."""
        self._database.write("INSERT INTO losses VALUES (?, ?)", [expected, found])
