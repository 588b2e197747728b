"""The folder everything of one demo is kept in: weights, store, reports, logs, temporary files."""

import shutil
from pathlib import Path

from monitor.errors import Conflict

MARK = ".watchglass-demo"
"""A file that says: this folder was made by the demo, which may empty it."""


def prepare(directory: Path) -> Path:
    """Return ``directory`` as an absolute path, made if need be and emptied of an earlier demo.

    Raises:
        Conflict: it holds something that the demo did not put there.
    """
    directory = directory.resolve()
    if directory.exists() and any(directory.iterdir()):
        if not (directory / MARK).exists():
            raise Conflict(f"{directory} is not empty and was not made by the demo. Give an empty one with --dir.")
        shutil.rmtree(directory)
    (directory / "tmp").mkdir(parents=True, exist_ok=True)
    (directory / MARK).touch()
    return directory
