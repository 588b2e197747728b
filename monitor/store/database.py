"""One DuckDB file, one connection, one writer at a time."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import pyarrow as pa

from monitor.errors import InvalidInput, Unavailable
from monitor.store.cursors import Cursors
from monitor.store.sql import inward, names, outward

_log = logging.getLogger(__name__)
_FATAL = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.IOException,
    duckdb.ConnectionException,
)


class CommitUnknown(Unavailable):
    """The store could not say whether a transaction became durable: look it up before trying again."""


class Database(Cursors):
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
        self._ahead: Callable[[], None] | None = None

    def write(self, statement: str, parameters: Sequence[object] = (), **tables: pa.Table) -> None:
        """Run one statement as `query` does, for its effect alone: to make a table of how many rows it wrote costs."""
        self._guarded(statement, parameters, tables, fetch=False)

    def query(self, statement: str, parameters: Sequence[object] = (), **tables: pa.Table) -> pa.Table:
        """Run one statement and return its result as Arrow.

        Args:
            statement: SQL with ``?`` for each parameter.
            parameters: bound values.
            tables: Arrow tables the statement names.

        Raises:
            Unavailable: the connection died; it is replaced, and the next query works. Or memory ran out.
            InvalidInput: the data cannot be what the statement asks for, such as a number too large for its column.
        """
        return outward(self._guarded(statement, parameters, tables, fetch=True))

    def _guarded(
        self, statement: str, parameters: Sequence[object], tables: Mapping[str, pa.Table], *, fetch: bool
    ) -> pa.Table | None:
        if self._ahead is not None:
            self.catch_up()
        try:
            return self._run(self.cursor(), statement, parameters, tables, fetch=fetch)
        except _FATAL as error:
            if self._mine.depth == 0 and self._mine.generation == self._generation:
                self.replace()
            raise Unavailable(f"The store lost its connection ({error}); it is being reopened, try again.") from error
        except duckdb.OutOfMemoryException as error:
            raise Unavailable(f"The store ran out of memory ({error}); raise memory_limit or ask for less.") from error
        except duckdb.DataError as error:
            raise InvalidInput(f"The store cannot hold or compare this: {error}") from error

    def _run(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        statement: str,
        parameters: Sequence[object],
        tables: Mapping[str, pa.Table],
        *,
        fetch: bool,
    ) -> pa.Table | None:
        with self._mine.busy:
            try:
                for name, table in tables.items():
                    cursor.register(name, inward(table))
                done = cursor.execute(statement, list(parameters))
                return done.to_arrow_table() if fetch else None
            finally:
                with suppress(duckdb.Error):
                    for name in tables:
                        cursor.unregister(name)

    def rows(self, statement: str, parameters: Sequence[object] = (), **tables: pa.Table) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dictionaries."""
        found: list[dict[str, Any]] = self.query(statement, parameters, **tables).to_pylist()
        return found

    def scalar(self, statement: str, parameters: Sequence[object] = ()) -> object:
        """Return the first column of the first row, or None where there is no row."""
        found = self.query(statement, parameters)
        return found.column(0)[0].as_py() if found.num_rows else None

    def integer(self, statement: str, parameters: Sequence[object] = ()) -> int:
        """Return the first column of the first row as a whole number, 0 for null."""
        value = self.scalar(statement, parameters)
        return value if isinstance(value, int) else 0

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append Arrow rows to a table (given quoted), matching columns by name."""
        if rows.num_rows:
            columns = names(rows.column_names)
            self.write(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming", incoming=rows)  # noqa: S608 - quoted

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
        self.query("BEGIN TRANSACTION")
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

    def go_ahead(self, hook: Callable[[], None] | None) -> None:
        """Call ``hook`` before each transaction, snapshot and statement outside them.

        It brings in what is durable elsewhere, so that whoever reads or builds upon the store has it. It is called by
        the thread that asks, and never raises.
        """
        self._ahead = hook

    def catch_up(self) -> None:
        """Let what is durable elsewhere be brought in; nothing where this thread is in a transaction or snapshot."""
        if self._ahead is not None and not self._mine.depth and not self._mine.ahead:
            with self.as_it_is():
                self._ahead()

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """Take the store as it is for a while: nothing is brought in, so no other thread's transaction is waited for.

        For whoever holds a lock that a transaction may want too, and for bringing in itself.
        """
        before, self._mine.ahead = self._mine.ahead, True
        try:
            yield
        finally:
            self._mine.ahead = before

    def close(self) -> None:
        """Close the file for good."""
        with self._writer, self._open_lock:
            self._closed = True
            self._drop()
