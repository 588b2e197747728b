"""The store's format, one numbered SQL file a step; applied in order, each with its record in one transaction."""

from pathlib import Path

import duckdb

from monitor.errors import Unavailable
from monitor.store.database import Database


def steps() -> list[tuple[int, Path]]:
    """Return (number, file of SQL) of every migration there is, in order.

    >>> [number for number, _ in steps()][:1]
    [1]
    """
    files = Path(__file__).parent.iterdir()
    return sorted((int(file.name.split("_")[0]), file) for file in files if file.suffix == ".sql")


def migrate(database: Database) -> int:
    """Bring the file to the newest format and return its number.

    Raises:
        Unavailable: the file was written by a newer Watchglass; it is left untouched.
    """
    present = _present(database)
    known = steps()
    newest = known[-1][0]
    if present > newest:
        raise Unavailable(
            f"The store {database.path} has format {present}; this Watchglass reads up to {newest}. Upgrade Watchglass."
        )
    for number, file in known:
        if number > present:
            with database.transaction():
                database.query(file.read_text("utf-8"))
                database.query("INSERT INTO migrations (number) VALUES (?)", [number])
    return newest


def _present(database: Database) -> int:
    """Return the number of the file's format, 0 of an empty one."""
    try:
        return database.integer("SELECT max(number) FROM migrations")
    except duckdb.CatalogException:
        database.query("CREATE TABLE migrations (number INTEGER, applied TIMESTAMP DEFAULT current_timestamp)")
        return 0
