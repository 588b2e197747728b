"""What is read on every request and changes rarely, kept in memory without ever showing what is not committed."""

from collections.abc import Callable
from typing import Generic, TypeVar

from monitor.store.database import Database

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values by name, read from the store once.

    While a transaction that changes one is running, nothing is remembered: every thread reads what its own
    transaction may see.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: dict[str, T] = {}
        self._changing = 0
        self._stamp = 0
        database.on_loss(self._forget)

    def get(self, name: str, read: Callable[[str], T | None]) -> T | None:
        """Return the value of a name, reading it if it is not known; None is never remembered."""
        found = self._values.get(name)
        if found is None:
            stamp = self._stamp
            with self._database.as_it_is():  # captured rows change nothing here, and every request asks
                found = read(name)
            if found is not None and stamp == self._stamp and not self._changing:
                self._values[name] = found
        return found

    def change(self, name: str) -> None:
        """Say that the running transaction changes a name's value."""
        self._changing += 1
        self._values.pop(name, None)
        self._database.on_end(self._changed)

    def _changed(self) -> None:
        self._stamp += 1
        self._changing -= 1

    def _forget(self) -> None:
        self._stamp += 1
        self._values.clear()
