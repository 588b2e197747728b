"""The disk's reserve: capture stops at it, says what is free and needed, and goes on by itself."""

import errno
import os
from pathlib import Path

import pytest

from monitor.errors import DiskFull, Unavailable
from monitor.store import Disk, is_full
from monitor.store import disk as module

MIB = 2**20


class Small:
    """A disk of 1 GiB whose free bytes a test sets, and that counts how often it is asked."""

    def __init__(self) -> None:
        self.free = 500 * MIB
        self.asked = 0

    def __call__(self, _: Path) -> tuple[int, int]:
        self.asked += 1
        return 1024 * MIB, self.free


def test_below_the_reserve_it_says_what_is_free_and_what_is_needed() -> None:
    small = Small()
    disk = Disk(Path("/data"), look=small)
    disk.check(fresh=True)
    small.free = 63 * MIB
    with pytest.raises(DiskFull, match=r"63\.0 MiB free; capture needs 64\.0 MiB"):
        disk.check(fresh=True)
    assert not disk.room().enough
    small.free = 64 * MIB
    disk.check(fresh=True)
    with pytest.raises(DiskFull):
        disk.check(1, fresh=True)


def test_it_is_asked_at_most_once_a_second_and_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    small = Small()
    disk = Disk(Path("/data"), 0, look=small)
    for _ in range(100):
        disk.check()
    assert small.asked == 1
    now[0] += 1.01
    disk.check()
    assert small.asked == 2


def test_a_store_in_memory_has_always_room_and_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    Disk(None).check(10**12)
    with pytest.raises(Unavailable, match="cannot be asked"):
        Disk(tmp_path / "gone").check()
    Disk(tmp_path, 0).check()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_from_other_errors_also_as_a_cause(code: int) -> None:
    wrapped = Unavailable("The store lost its connection.")
    wrapped.__cause__ = OSError(code, os.strerror(code))
    assert is_full(wrapped)
    assert not is_full(Unavailable("no"))
