"""Open a DuckDB file the way this package needs it."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from monitor.errors import Unavailable


def connect(path: Path | None, config: Mapping[str, object]) -> "duckdb.DuckDBPyConnection":
    """Open a file, or a database in memory, in UTC and closed to everything outside it.

    SQL cannot read or write other files, reach Python variables or change these settings.

    Raises:
        Unavailable: another process owns the file, or it cannot be read.
    """
    try:
        connection = duckdb.connect(str(path or ":memory:"), config={**config, "enable_external_access": False})
    except duckdb.Error as error:
        advice = "Check the file and the disk; if it is damaged, restore it from a backup."
        if "set lock" in str(error):  # not "block", which damaged files speak of
            advice = "One process owns the file: talk to it over HTTP, or stop it first."
        raise Unavailable(f"Cannot open the store {path}: {error}. {advice}") from error
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")
    return connection
