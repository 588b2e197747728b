"""How far an import is: bytes of all files, rows sent, and the time that is left."""

from pathlib import Path
from types import TracebackType
from typing import Self

from app.intake import shown


class Progress:
    """A bar on standard error; shows nothing if ``quiet``."""

    def __init__(self, total: int, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.fields[rows]:,} rows,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task = self._bar.add_task("", total=max(total, 1), rows=0)
        self._total = max(total, 1)
        self._before = 0
        """Bytes of the files before the one that is read."""
        self._size = 0
        self._rows = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def skip(self, size: int) -> None:
        """Count a file that needs no reading."""
        self._before += size
        self._bar.update(self._task, completed=self._before)

    def file(self, path: Path) -> None:
        """Begin a file; the one before it is done."""
        self._before += self._size
        self._size = path.stat().st_size if path.exists() else 0
        self._bar.update(self._task, description=shown(path.name), completed=self._before)

    def at(self, position: int) -> None:
        """Say how many bytes of the file have been read and sent."""
        self._bar.update(self._task, completed=self._before + min(position, self._size))

    def end(self) -> None:
        """Say that all files are read and sent."""
        self._before, self._size = self._total, 0
        self._bar.update(self._task, completed=self._total)

    def rows(self, count: int) -> None:
        """Count rows that were sent."""
        self._rows += count
        self._bar.update(self._task, rows=self._rows)
