"""One connection to a DuckDB file, a cursor per thread, all replaced together when the connection dies."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock, local
from weakref import WeakKeyDictionary

import duckdb

from monitor.errors import Unavailable
from monitor.store.connection import connect


class _Mine(local):
    """What one thread has: its cursor (of one generation of the connection) and how deep in transactions it is.

    ``busy`` is held while the cursor is used: DuckDB crashes where one thread closes what another is using.
    ``ahead`` says that it takes the store as it is; see `Database.as_it_is`.
    """

    cursor: object = None
    generation: int = -1
    depth: int = 0
    reading: bool = False
    ahead: bool = False

    def __init__(self) -> None:
        self.busy = Lock()


class Cursors:
    """The connection and the threads' cursors.

    Args:
        path: the file, or None for a database in memory.
        config: DuckDB's settings.
    """

    def __init__(self, path: Path | None, config: Mapping[str, object]) -> None:
        self.path = path
        self._config = config
        self._open_lock = Lock()
        self._mine = _Mine()
        self._generation = 0
        self._connection: object = None
        self._cursors: WeakKeyDictionary[object, Lock] = WeakKeyDictionary()
        self._closed = False
        self._on_loss: list[Callable[[], None]] = []

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Return this thread's cursor, opened on first use and again after the connection was replaced.

        Raises:
            Unavailable: the file cannot be opened: another process holds it, or the disk refuses. Or the connection
                was replaced within this thread's transaction or snapshot: what is left of it must not run outside.
        """
        mine = self._mine
        if mine.cursor is None or mine.generation != self._generation:
            if mine.depth:
                raise Unavailable("The store was reopened in the middle of a transaction, which is undone; try again.")
            with self._open_lock:
                mine.cursor = self._connect().cursor()
                mine.generation = self._generation
                self._cursors[mine.cursor] = mine.busy
        return mine.cursor

    def _connect(self) -> "duckdb.DuckDBPyConnection":
        if self._closed:
            raise Unavailable("The store is closed.")
        if self._connection is None:
            self._connection = connect(self.path, self._config)
        return self._connection

    def on_loss(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` whenever the connection is replaced, so that nothing remembered in memory outlives it."""
        self._on_loss.append(hook)

    def replace(self) -> None:
        """Close every cursor and the connection; the next use opens the file again."""
        with self._open_lock:
            self._drop()
        for hook in self._on_loss:
            hook()

    def _drop(self) -> None:
        # DuckDB keeps an invalidated database alive as long as one cursor of any thread is open.
        handles = list(self._cursors.items())
        self._cursors = WeakKeyDictionary()
        if self.path is not None or self._closed:  # a database in memory lives only as long as its connection
            handles.append((self._connection, Lock()))
            self._connection = None
        self._generation += 1
        for handle, busy in handles:
            with suppress(duckdb.Error, AttributeError):
                handle.interrupt()  # type: ignore[attr-defined]  # a DuckDB connection; typed object as duckdb is untyped
                while not busy.acquire(timeout=0.05):
                    handle.interrupt()  # type: ignore[attr-defined]  # as above: it had not begun its statement yet
                try:
                    handle.close()  # type: ignore[attr-defined]  # as above
                finally:
                    busy.release()
