"""The journal in front of the store: what was acknowledged before it is in the tables, in files beside the database.

A frame is a header (mark, length, checksum, number) and a payload. Frames are numbered without gaps and each is synced
before the next is written, so a crash can only tear the last one, and that was never acknowledged.
"""

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from monitor.errors import Unavailable

SEGMENT_BYTES = 8 * 2**20
"""From this size on a file is closed, and deleted once all that it holds is in the store."""

_MARK = b"WGJ1"
_HEADER = struct.Struct("<4sIIQ")
_NUMBER = struct.Struct("<Q")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """One group, as it was acknowledged."""

    number: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the files held after a number: the frames, and how many bytes or frames of them are missing.

    ``missing`` counts numbers that are in no file although later ones are; ``damaged`` files were put aside.
    """

    frames: list[Frame]
    missing: int = 0
    damaged: int = 0


def packed(number: int, payload: bytes) -> bytes:
    """Return a frame as it is written.

    >>> list(frames(packed(7, b"seven") + packed(8, b"")))
    [(0, Frame(number=7, payload=b'seven')), (25, Frame(number=8, payload=b''))]
    """
    return _HEADER.pack(_MARK, len(payload), _checksum(number, payload), number) + payload


def _checksum(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_NUMBER.pack(number)))


def frames(data: bytes) -> Iterator[tuple[int, Frame]]:
    """Yield every whole frame in ``data`` and where it begins; what lies between them is skipped.

    >>> whole = packed(1, b"one")
    >>> [frame.number for _, frame in frames(whole[:-1] + whole + b"rest")]
    [1]
    """
    place = data.find(_MARK)
    while place >= 0:
        frame = _frame_at(data, place)
        if frame is not None:
            yield place, frame
        place = data.find(_MARK, place + (1 if frame is None else _HEADER.size + len(frame.payload)))


def _frame_at(data: bytes, place: int) -> Frame | None:
    if len(data) - place < _HEADER.size:
        return None
    _, length, checksum, number = _HEADER.unpack_from(data, place)
    begin = place + _HEADER.size
    payload = data[begin : begin + length]
    return Frame(number, payload) if len(payload) == length and _checksum(number, payload) == checksum else None


def _is_torn(tail: bytes, number: int) -> bool:
    """Return whether a file's end is the beginning of frame ``number``, cut short, as a crash leaves it.

    It was never synced then. A frame that is all there but not what was written has been damaged since, or its sync
    was not kept; whether it was acknowledged cannot be known, so it counts as lost.

    >>> whole = packed(3, b"three")
    >>> [_is_torn(whole[:length], 3) for length in (0, 3, 20, len(whole) - 1)], _is_torn(whole[:-1] + b"x", 3)
    ([True, True, True, True], False)
    """
    left = tail.rstrip(b"\0")  # where a disk had made room, but was not given the content
    if len(left) < _HEADER.size:
        return _MARK.startswith(left[:4])
    mark, length, _, said = _HEADER.unpack_from(left)
    return bool(mark == _MARK and said == number and len(left) < _HEADER.size + length)


class Journal:
    """The files: ``<database>.journal``, which is appended to, and full ones with their last number as a suffix.

    Args:
        database: the database's file.
        segment_bytes: how large a file grows.
    """

    def __init__(self, database: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.path = database.with_name(database.name + ".journal")
        self._segment_bytes = segment_bytes
        self._lock = Lock()
        self._file: int | None = None
        self._size = 0
        self.number = 0

    def read(self, after: int) -> Found:
        """Return the frames behind number ``after``, in order; a torn end is cut off, a damaged file is put aside.

        The next frame is numbered after the last.

        Raises:
            Unavailable: the files cannot be read.
        """
        try:
            return self._read(after)
        except OSError as error:
            raise Unavailable(f"Cannot read the journal {self.path}: {error}. Mend its permissions.") from error

    def _read(self, after: int) -> Found:
        found: dict[int, Frame] = {}
        damaged = 0
        for path in [*self._full(), *([self.path] if self.path.exists() else [])]:
            data = path.read_bytes()
            end, whole, last = 0, True, after
            for place, frame in frames(data):
                whole = whole and place == end
                end = place + _HEADER.size + len(frame.payload)
                found[frame.number] = frame  # the last one counts: an earlier one was taken back
                last = frame.number
            self.number = max([after, *found])
            if path == self.path and whole and _is_torn(data[end:], last + 1):
                self._cut(end, len(data))
            elif not whole or end < len(data):
                damaged += 1
                unread = path == self.path and end < len(data)
                lost = max(data[end:].count(_MARK), 1) if unread else 0  # frames behind the last that can be read
                self.number = max(self.number, last + lost)
                self._put_aside(path, data)
        self.number = max([self.number, *found])
        new = [found[number] for number in sorted(found) if number > after]
        return Found(frames=new, missing=self.number - after - len(new), damaged=damaged)

    def _cut(self, end: int, size: int) -> None:
        if end < size:
            _log.warning("the journal's last %d bytes are torn: they were never acknowledged and are cut", size - end)
            with self.path.open("r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())

    def _put_aside(self, path: Path, data: bytes) -> None:
        """Keep a copy of a damaged file under another name, and append to it no more; what is whole is brought in."""
        aside = path.with_name(f"{path.name}.damaged")
        aside.write_bytes(data)
        if path == self.path:
            self._retire()
        _log.error("the journal %s is damaged in its middle; a copy is kept as %s", path, aside.name)

    def _full(self) -> list[Path]:
        return sorted(path for path in self.path.parent.glob(f"{self.path.name}.*") if path.suffix[1:].isdigit())

    def append(self, payload: bytes) -> int:
        """Make a payload durable and return its number.

        Raises:
            OSError: it could not be written; the file is as it was before.
        """
        with self._lock:
            file = self._opened()
            number = self.number + 1
            data = packed(number, payload)
            try:
                self._write(file, data)
                self._sync(file)
            except OSError:
                self._undo(file)
                raise
            self._size += len(data)
            self.number = number
        return number

    def _opened(self) -> int:
        if self._file is not None and self._size >= self._segment_bytes:
            self._close()
            self._retire()
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(folder)  # otherwise the name may be gone after a power cut
            finally:
                os.close(folder)
        return self._file

    def _retire(self) -> None:
        self.path.rename(self.path.with_name(f"{self.path.name}.{self.number:020d}"))

    def _write(self, file: int, data: bytes) -> None:
        view = memoryview(data)
        place = self._size
        while view:
            written = os.pwrite(file, view, place)
            view, place = view[written:], place + written

    def _sync(self, file: int) -> None:
        os.fdatasync(file)

    def _undo(self, file: int) -> None:
        """Take back a frame that is not durable; where even that fails, the next one gets its number and counts."""
        try:
            os.ftruncate(file, self._size)
            os.fdatasync(file)
        except OSError:
            _log.exception("the journal %s could not be cut back", self.path)
            self._size = os.fstat(file).st_size

    def applied(self, reached: int) -> None:
        """Delete the full files whose frames are all in the store, as of number ``reached``."""
        with self._lock:
            for path in self._full():
                if int(path.suffix[1:]) <= reached:
                    path.unlink(missing_ok=True)

    def close(self, reached: int) -> None:
        """Close the file; it is emptied where all of it is in the store."""
        with self._lock:
            if self._file is not None and reached >= self.number:
                os.ftruncate(self._file, 0)
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
