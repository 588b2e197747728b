"""A model's specification and its files: read whole where they are small, and known by what is in them."""

import errno
import hashlib
import json
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from monitor.errors import InvalidInput

Specification = Mapping[str, object]
"""A version's ``artifact`` or ``endpoint`` as registered."""


def text(spec: Specification, key: str) -> str:
    """Return a required, non-empty string of a specification.

    Raises:
        InvalidInput: it is missing or no string; the message names the key.
    """
    value = spec.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"the model specification needs {key!r} as a non-empty string, got {value!r}")
    return value


def digest(*parts: bytes) -> str:
    """Return the sha256 of several byte strings, each preceded by its length so that no two lists collide."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "little"))
        sha.update(part)
    return sha.hexdigest()


def identity(spec: Specification, *digests: bytes) -> str:
    """Return the sha256 of a model's files and of all that its specification says but where they are.

    Args:
        spec: the specification.
        digests: of its files.
    """
    said = {key: value for key, value in spec.items() if key not in ("model", "weights", "config")}
    return digest(json.dumps(said, sort_keys=True, default=str).encode(), *digests)


def read(path: str, what: str) -> bytes:
    """Return a model file's bytes.

    Raises:
        InvalidInput: it is no regular file, or cannot be read.
    """
    try:
        _status(path)
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, what, error) from error


def file_digest(path: str, what: str) -> bytes:
    """Return the sha256 of a model file, in constant memory; one that has not been touched is not read again.

    Raises:
        InvalidInput: it is no regular file, or cannot be read.
    """
    try:
        return _digest_of(path, *_status(path))
    except OSError as error:
        raise _unreadable(path, what, error) from error


def _unreadable(path: str, what: str, error: OSError) -> InvalidInput:
    whose = "the model" if what == "model" else f"the model's {what}"
    return InvalidInput(
        f"{whose} file {path!r} cannot be read: {error.strerror}. Put it back, or register the version with the place "
        "where it is now"
    )


def check_pinned(spec: Specification) -> None:
    """Refuse a model file that is not the one that was registered, where its registration says which that was.

    Raises:
        InvalidInput: the file's sha256 is not the specification's ``sha256``.
    """
    pinned = spec.get("sha256")
    if pinned is None:
        return
    what = "weights" if "weights" in spec else "model"
    found = file_digest(text(spec, what), what).hex()
    if found != pinned:
        whose = "the model" if what == "model" else f"the model's {what}"
        raise InvalidInput(
            f"{whose} file {spec[what]!r} is not the one that was registered: its sha256 is {found}, and "
            f"the version's artifact says {pinned}. Put that file back, or register this one as a version of its own"
        )


def _status(path: str) -> tuple[int, int, int]:
    """Return inode, size and time of change of a regular file; a device or pipe could be read for ever.

    The time is the system's own: that of the last writing can be set back, as copying tools do.
    """
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return status.st_ino, status.st_size, status.st_ctime_ns


@lru_cache(maxsize=64)
def _digest_of(path: str, *_: int) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
