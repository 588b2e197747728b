"""Run one statement: values bound, Arrow in and out, and errors that say what to do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from monitor.errors import InvalidInput, Unavailable
from monitor.store.cursors import Cursors
from monitor.store.sql import inward, names, outward

_FATAL = (
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.IOException,
    duckdb.ConnectionException,
)


class Statements(Cursors):
    """Statements on this thread's cursor, each behind what is durable elsewhere.

    Args:
        path: the file, or None for a database in memory.
        config: DuckDB's settings.
    """

    def __init__(self, path: Path | None, config: Mapping[str, object]) -> None:
        super().__init__(path, config)
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
