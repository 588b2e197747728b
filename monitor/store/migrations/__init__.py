"""The store's format, one numbered SQL file a step; applied in order, each with its record in one transaction."""

from importlib import resources

from monitor.errors import Unavailable
from monitor.store.database import Database


def steps() -> list[tuple[int, str]]:
    """Return (number, SQL) of every migration there is, in order.

    >>> [number for number, _ in steps()][:1]
    [1]
    """
    files = (entry for entry in resources.files(__name__).iterdir() if entry.name.endswith(".sql"))
    return sorted((int(entry.name.split("_")[0]), entry.read_text("utf-8")) for entry in files)


def migrate(database: Database) -> int:
    """Bring the file to the newest format and return its number.

    Raises:
        Unavailable: the file was written by a newer Watchglass; it is left untouched.
    """
    database.query(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER, applied TIMESTAMP DEFAULT current_timestamp)"
    )
    present = database.integer("SELECT max(number) FROM migrations")
    known = steps()
    newest = known[-1][0]
    if present > newest:
        raise Unavailable(
            f"The store {database.path} has format {present}; this Watchglass reads up to {newest}. Upgrade Watchglass."
        )
    for number, statements in known:
        if number > present:
            with database.transaction():
                database.query(statements)
                database.query("INSERT INTO migrations (number) VALUES (?)", [number])
    return newest
