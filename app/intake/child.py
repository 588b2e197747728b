"""The child process that reads files: ``python -m app.intake.child``, a `Wish` on its standard input, frames out.

It limits its own memory before it reads anything, writes no file and needs no network. Whatever ends it ends it alone.
"""

import os
import resource
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from app.intake import MIB, Source, Wish
from app.intake.frames import write

if TYPE_CHECKING:
    from app.intake.pieces import Piece

_MOST_ERRORS = 100


def main() -> None:
    """Read what the wish names; every outcome but the process's own end is told in a frame."""
    wish = Wish.decode(sys.stdin.buffer.readline())
    frames = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no frame
    limit(wish.memory_mb)
    from monitor.errors import InvalidInput

    try:
        read(wish, frames)
    except BrokenPipeError:
        os._exit(0)  # the parent is gone
    except InvalidInput as error:  # the wish itself cannot be met
        write(frames, "refused", {"place": None, "detail": str(error)})
    os._exit(0)  # threads of libraries are not waited for


def limit(memory_mb: int) -> None:
    """Bound the address space of this process; it leaves no core behind and writes no file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * MIB, memory_mb * MIB))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def read(wish: Wish, frames: BinaryIO) -> None:
    """Read one file after the other; what is wrong with one is told, and the next is read."""
    from monitor.errors import InvalidInput

    reader = _Reader(wish, frames)
    for source in wish.sources:
        write(frames, "file", {"place": source.place})
        try:
            reader.file(source)
            continue
        except BrokenPipeError:
            raise
        except InvalidInput as error:
            detail = str(error)
        except MemoryError:
            detail = f"reading it needs more than the allowed {wish.memory_mb:,} MiB of memory (--memory)"
        except Exception as error:  # noqa: BLE001 - a boundary: libraries raise what they like at hostile bytes
            detail = f"it cannot be read: {type(error).__name__}: {str(error)[:300]}"
        write(frames, "refused", {"place": source.place, "detail": detail})
    reader.end()


class _Reader:
    """Writes the pieces of files of either sort."""

    def __init__(self, wish: Wish, frames: BinaryIO) -> None:
        from app.intake.records import RecordReader
        from app.intake.rows import RowReader

        self._wish, self._frames = wish, frames
        self._rows = RowReader(wish) if wish.form is None else None
        self._records = RecordReader(wish) if wish.form is not None else None

    def file(self, source: Source) -> None:
        """Read one file."""
        if self._wish.peek:
            write(self._frames, "peek", {"place": source.place, **self._peek(source)})
        elif self._rows is not None:
            for piece, at in self._rows.pieces(source):
                if piece is None:
                    write(self._frames, "progress", {"place": source.place, "at": at})
                else:
                    self._write(piece, source.place, at)
        else:
            self._recorded(source)

    def end(self) -> None:
        """Tell what is left when all files are read."""
        told: dict[str, object] = {}
        if self._records is not None:
            self._send(self._records.rest(), None)
            told = {"unpaired": len(self._records.waiting), "probes": self._records.probes}
        write(self._frames, "end", told)

    def _recorded(self, source: Source) -> None:
        assert self._records is not None  # noqa: S101 - asked by file
        self._send(self._records.pieces(source), source.place)
        errors, self._records.errors = self._records.errors, []
        if errors and not source.quiet:
            write(self._frames, "errors", {"place": source.place, "errors": errors[:_MOST_ERRORS]})

    def _send(self, pieces: Iterator["Piece"], place: int | None) -> None:
        for piece in pieces:
            self._write(piece, place, None)

    def _write(self, piece: "Piece", place: int | None, at: int | None) -> None:
        write(self._frames, "piece", {"place": place, "at": at, **piece.says()}, piece.bodies)

    def _peek(self, source: Source) -> dict[str, object]:
        if self._rows is not None:
            return self._rows.peek(source)
        return self._records.peek(source) if self._records is not None else {}


if __name__ == "__main__":
    main()
