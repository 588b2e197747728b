"""A side file that says how far the store had come, synced apart from it, so that a cut write-ahead log is noticed."""

import os
from pathlib import Path

from monitor.errors import Unavailable


class Seal:
    """The number of the newest durable group, in ``<database>.seq``: 20 digits and a line end, written in place.

    DuckDB opens a truncated write-ahead log without a word and with rows missing; this number then exceeds the
    newest one found in the store.

    Args:
        path: the database's file, or None in memory (then nothing is written).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = None if path is None else path.with_name(path.name + ".seq")
        self._file: int | None = None

    def write(self, number: int) -> None:
        """Make ``number`` durable.

        Raises:
            Unavailable: the file cannot be written.
        """
        if self._path is None:
            return
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._file, b"%020d\n" % number, 0)
            os.fdatasync(self._file)
        except OSError as error:
            raise Unavailable(f"Cannot write {self._path}: {error}. Free space or mend its permissions.") from error

    def read(self) -> int:
        """Return the number last written, 0 where there is none or it was torn."""
        if self._path is None or not self._path.exists():
            return 0
        digits = self._path.read_bytes()[:20]
        return int(digits) if digits.isdigit() else 0

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
