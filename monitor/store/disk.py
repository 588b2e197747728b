"""How much room the disk has: capture stops at a reserve, so that what runs besides it, and its own end, have room."""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import DiskFull, Unavailable

LOOK_SECONDS = 1.0
"""How old an answer may be where room is asked for on every request."""

_MIB = 2**20
_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}
_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

Look = Callable[[Path], tuple[int, int]]
"""Returns a disk's (total, free) bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a disk has free, and what it must keep free, in bytes."""

    free_bytes: int
    reserve_bytes: int

    @property
    def enough(self) -> bool:
        """Whether the reserve is untouched."""
        return self.free_bytes >= self.reserve_bytes


class Disk:
    """The disk that the store is on.

    Args:
        folder: any path on it, or None where nothing is written (a store in memory): then there is always room.
        reserve: how many bytes stay free; `default_reserve` of the disk's size if not given.
        look: asks the disk; ``shutil.disk_usage``, or a test's own.
    """

    def __init__(self, folder: Path | None, reserve: int | None = None, look: Look | None = None) -> None:
        self._folder = folder
        self._reserve = reserve
        self._look = look or _usage
        self._room: Room | None = None
        self._looked = 0.0

    def room(self, *, fresh: bool = True) -> Room:
        """Return what is free; unless ``fresh``, as of at most a second ago.

        Raises:
            Unavailable: the folder is gone, or the disk does not answer.
        """
        now = time.monotonic()
        if fresh or self._room is None or now - self._looked > LOOK_SECONDS:
            self._room, self._looked = self._measure(), now
        return self._room

    def check(self, wanted: int = 0, *, fresh: bool = False) -> None:
        """Make sure that ``wanted`` bytes can be written above the reserve.

        Raises:
            DiskFull: they cannot; the message says what is free and what is needed.
        """
        room = self.room(fresh=fresh)
        if room.free_bytes < room.reserve_bytes + wanted:
            raise DiskFull(
                f"The disk of {self._folder} has {room.free_bytes / _MIB:,.1f} MiB free; capture needs "
                f"{(room.reserve_bytes + wanted) / _MIB:,.1f} MiB (see disk_reserve). Free some space: capture goes on "
                "by itself within a second, and the same rows can be sent again then."
            )

    def _measure(self) -> Room:
        if self._folder is None:
            return Room(free_bytes=2**63 - 1, reserve_bytes=0)
        try:
            total, free = self._look(self._folder)
        except OSError as error:
            raise Unavailable(f"The disk of {self._folder} cannot be asked for its room: {error}. Check it.") from error
        reserve = default_reserve(total) if self._reserve is None else self._reserve
        return Room(free_bytes=free, reserve_bytes=reserve)


def default_reserve(total: int) -> int:
    """Return the bytes that stay free on a disk of ``total`` bytes: 5 %, at least 64 MiB and at most 1 GiB.

    A checkpoint writes up to its write-ahead log once more, and profiles, measurements and alerts are written while
    capture stands still: 64 MiB hold those. Of a disk under 256 MiB it is a quarter.

    >>> [default_reserve(size * 2**20) // 2**20 for size in (64, 1024, 10_240, 1_000_000)]
    [16, 64, 512, 1024]
    """
    return max(min(total // 20, 1024 * _MIB), min(64 * _MIB, total // 4))


def size_of(text: str) -> int | None:
    """Return the bytes that a size such as ``512MiB`` or ``1GB`` means (both of 1,024s); None for ``auto``.

    >>> size_of("512MiB"), size_of("auto")
    (536870912, None)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT])i?B", text)
    return None if found is None else int(float(found[1]) * 2 ** _UNITS[found[2]])


def is_full(error: BaseException) -> bool:
    """Tell whether an error, or what caused it, says that no more could be written: disk, quota or file size.

    >>> is_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))), is_full(ValueError("no"))
    (True, False)
    """
    cause: BaseException | None = error
    while cause is not None:
        if any(words in str(cause) for words in _FULL):
            return True
        cause = cause.__cause__
    return False


def _usage(folder: Path) -> tuple[int, int]:
    usage = shutil.disk_usage(folder)
    return usage.total, usage.free
