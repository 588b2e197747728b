"""The files that an import is about: named one by one, by patterns, or by their folder."""

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.files import SUFFIXES
from app.intake import shown
from monitor.errors import InvalidInput

MOST = 100_000
"""The most files of one import."""


@dataclass(frozen=True, slots=True)
class Found:
    """Files with what tells their content from any other's, in order; and those that are not read, and why not."""

    files: list[tuple[Path, str]]
    bytes: int
    refused: list[dict[str, str]] = field(default_factory=list)


def find(names: Sequence[str], form: str | None) -> Found:
    """Return the files that names, patterns and folders stand for.

    Of a folder, all files below it: those of rows by their suffix, where no format says what they are. Links that lead
    out of the folder are not followed, and told.

    Args:
        names: files, folders, or patterns such as ``logs/*.jsonl`` (``**`` for any depth).
        form: a collector's name, or None for files of rows.

    Raises:
        InvalidInput: a name stands for nothing, or for more than `MOST` files.
    """
    files: dict[Path, None] = {}
    refused: list[dict[str, str]] = []
    for name in names:
        count = len(files) + len(refused)
        for path, why in _of(Path(name), form):
            if why is None:
                files.setdefault(path)
            else:
                refused.append({"file": shown(path), "detail": why})
            if len(files) > MOST:
                raise InvalidInput(f"{shown(name)} stands for more than {MOST:,} files; import them in parts.")
        if len(files) + len(refused) == count:
            raise InvalidInput(f"There is no file {shown(name)}{_wanted(Path(name), form)}.")
    digests, size = [], 0
    for path in files:
        try:
            digests.append((path, _digest(path)))
            size += path.stat().st_size
        except OSError as error:
            refused.append({"file": shown(path), "detail": f"it cannot be read: {error.strerror}"})
    if not digests and refused:
        raise InvalidInput(f"{refused[0]['file']}: {refused[0]['detail']}.")
    return Found(digests, size, refused)


def _of(name: Path, form: str | None) -> Iterator[tuple[Path, str | None]]:
    if name.is_dir():
        yield from _below(name, form)
    elif name.is_file():
        if form is None and name.suffix.lower() not in SUFFIXES:
            yield name, f"it is not one of {', '.join(SUFFIXES)}; convert it, or rename it if it is"
        else:
            yield name, None
    elif name.exists():
        yield name, "it is not a file but a device, a pipe or a socket"
    elif glob.has_magic(str(name)):
        # Path.glob takes no absolute pattern.
        for found in sorted(glob.glob(str(name), recursive=True)):  # noqa: PTH207 - patterns of people may be absolute
            if Path(found).is_file():
                yield from _of(Path(found), form)


def _below(folder: Path, form: str | None) -> Iterator[tuple[Path, str | None]]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        # BentoML keeps the schema's files beside the data's.
        if not path.is_file() or (form == "bentoml" and path.parent.name == "schema"):
            continue
        if form is None and path.suffix.lower() not in SUFFIXES:
            continue
        inside = path.resolve().is_relative_to(root)
        yield path, None if inside else "it is a link that leads out of the folder; name it to import it"


def _wanted(name: Path, form: str | None) -> str:
    return f" of {', '.join(SUFFIXES)} in it" if form is None and name.is_dir() else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
