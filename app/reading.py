"""One reading child as its parent sees it: started, listened to, ended, and whatever it died of said in words."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from app.intake import Wish
from app.intake.frames import Broken, Frame, FrameReader, Slow

_QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
}
"""One thread, and no address space set aside: it would count against the limit."""


class Reading:
    """A child that reads files.

    Args:
        wish: what it reads.
        seconds: how long it may take over one file; the time that the parent needs to send does not count.

    Attributes:
        place: the file it is at, None before the first.
        over: whether it came to its end.
        end: where it did not, what happened.
    """

    def __init__(self, wish: Wish, seconds: float) -> None:
        self._wish, self._seconds = wish, seconds
        self.place: int | None = None
        self.over = False
        self.end = ""

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHGLASS_")}
        self._errors = tempfile.TemporaryFile()
        # -P: a folder that holds files to import holds no modules to run.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.intake.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**kept, **_QUIET},
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - likewise
        self._reader = FrameReader(self._process.stdout.fileno())
        try:
            self._process.stdin.write(self._wish.encode() + b"\n")
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once; its frames will tell
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.close()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def frames(self) -> Iterator[Frame]:
        """Yield what it says until it ends, or takes too long over a file."""
        left = self._seconds
        while not self.over:
            begun = time.monotonic()
            try:
                frame = self._reader.next(left)
            except Slow:
                self.end = f"reading it took more than the allowed {self._seconds:g} seconds (--seconds)"
                return
            except Broken:
                self.end = self._died()
                return
            left -= time.monotonic() - begun
            if frame.what == "file":
                self.place, left = frame.says["place"], self._seconds
            self.over = frame.what == "end"
            yield frame

    def _died(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "the process that read it said nothing more"
        if code >= 0:
            self._errors.seek(0)
            said = self._errors.read()[-2_000:].decode(errors="replace").strip().splitlines()
            return f"the process that read it ended with status {code}{': ' + said[-1][:200] if said else ''}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = f"; it may take {self._wish.memory_mb:,} MiB of memory (--memory)"
        return f"the process that read it was ended by {name}{memory if name in ('SIGKILL', 'SIGABRT') else ''}"
