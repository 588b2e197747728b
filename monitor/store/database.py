"""One DuckDB file, one connection, one writer at a time."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

import duckdb

from monitor.errors import Unavailable
from monitor.store.statements import Statements

_log = logging.getLogger(__name__)


class CommitUnknown(Unavailable):
    """The store could not say whether a transaction became durable: look it up before trying again."""


class Database(Statements):
    """Statements, transactions and their rules; everything else in this package goes through it.

    Args:
        path: the file, or None for a database in memory.
        memory_limit: as DuckDB writes it, such as ``"1GB"``.
        threads: how many threads one query may use.
    """

    def __init__(self, path: Path | None, *, memory_limit: str = "1GB", threads: int = 2) -> None:
        super().__init__(path, {"memory_limit": memory_limit, "threads": threads})
        self._writer = RLock()
        self._on_commit: list[Callable[[], None]] = []
        self._on_end: list[Callable[[], None]] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything written inside durable together, or not at all; may be nested.

        Raises:
            CommitUnknown: the commit raised. It may have become durable; the connection has been replaced.
            RuntimeError: called inside a snapshot, where nothing can be written.
        """
        if self._mine.reading:
            raise RuntimeError("a transaction cannot begin inside a snapshot")
        with self._writer:
            mine = self._mine
            if mine.depth:
                yield
                return
            self.write("BEGIN TRANSACTION")
            mine.depth = 1
            try:
                yield
            except BaseException as error:
                self._roll_back(error)
                raise
            else:
                self._commit()
            finally:
                hooks, self._on_end, self._on_commit = self._on_end, [], []
                for hook in hooks:
                    hook()

    @contextmanager
    def sole_writer(self) -> Iterator[None]:
        """Keep other threads from writing for several transactions of this one."""
        with self._writer:
            yield

    def _commit(self) -> None:
        try:
            self._end("COMMIT")
        except duckdb.Error as error:
            if self._mine.generation == self._generation:
                self.replace()
            raise CommitUnknown(f"The store could not confirm a commit: {error}. Look up what became of it.") from error
        try:
            for hook in self._on_commit:
                hook()
        except BaseException:
            # It is durable, but what is remembered of it in memory may not be complete: forget it all.
            self.replace()
            raise

    def _end(self, statement: str) -> None:
        """Commit or roll back; either way this thread is in no transaction any more."""
        try:
            cursor = self.cursor()
            with self._mine.busy:
                cursor.execute(statement)
        finally:
            self._mine.depth = 0

    def _roll_back(self, error: BaseException) -> None:
        try:
            if self._mine.generation == self._generation:  # otherwise it went with its connection
                self._end("ROLLBACK")
        except (duckdb.Error, Unavailable):
            _log.warning("rolling back failed after %r; the connection is replaced", error)
            self.replace()
        finally:
            self._mine.depth = 0

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every query inside see one and the same state of the store."""
        mine = self._mine
        if mine.depth:
            yield
            return
        self.write("BEGIN TRANSACTION")
        mine.depth, mine.reading = 1, True
        try:
            yield
        finally:
            with suppress(duckdb.Error, Unavailable):
                self._end("ROLLBACK")
            mine.reading = False

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside a transaction or snapshot."""
        return self._mine.depth > 0

    def on_commit(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` once the running transaction is durable; forget it if it is rolled back."""
        if not self._mine.depth:
            raise RuntimeError("on_commit needs a running transaction")
        self._on_commit.append(hook)

    def on_end(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` when the running transaction is over, however it ends."""
        self._on_end.append(hook)

    def close(self) -> None:
        """Close the file for good."""
        with self._writer, self._open_lock:
            self._closed = True
            self._drop()
