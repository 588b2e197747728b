"""Open a DuckDB file the way this package needs it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import duckdb

from monitor.errors import Held, Unavailable

_FORMAT: Final = "v1.1.0"
"""The oldest DuckDB that reads a file made here. In its own choice, of 0.10, what is known of distinct values has to be
converted for each column of each table whenever the file is opened, which takes a quarter of the time."""


def connect(path: Path | None, config: Mapping[str, object]) -> "duckdb.DuckDBPyConnection":
    """Open a file, or a database in memory, in UTC and closed to everything outside it.

    SQL cannot read or write other files, reach Python variables or change these settings.

    Raises:
        Held: another process owns the file.
        Unavailable: it cannot be read.
    """
    try:
        fixed = {
            "enable_external_access": False,
            "wal_autocheckpoint": f"{log_bytes(path) >> 20}MiB",
            "storage_compatibility_version": _FORMAT,
        }
        connection = duckdb.connect(str(path or ":memory:"), config={**config, **fixed})
    except (duckdb.Error, OSError) as error:
        said = f"Cannot open the store {path}: {error}."
        if "set lock" in str(error):  # not "block", which damaged files speak of
            raise Held(f"{said} One process owns the file: talk to it over HTTP, or stop it first.") from error
        advice = "Check the file and the disk; if it is damaged, restore it from a backup."
        raise Unavailable(f"{said} {advice}") from error
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")
    return connection


def log_bytes(path: Path | None) -> int:
    """Return how much may be in the write-ahead log before DuckDB moves it into the file: 16 to 64 MiB, by the disk.

    With 16 MiB, DuckDB's own choice, half of what it takes to insert rows goes into that. 64 MiB are replayed within a
    second at the next start; but moving them takes as much room once more, which a small disk's reserve has not.
    """
    total = 0 if path is None else shutil.disk_usage(path.parent).total
    return max(16 << 20, min(total // 256, 64 << 20))
