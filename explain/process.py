"""One life of the worker process: started with limits, sent jobs, ended; how it died is told with its last words."""

import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO

import msgspec

from explain.engine import MARK, Job, Reply, Start
from explain.models import Allowed
from monitor.errors import Unavailable

START_SECONDS = 120.0
"""How long importing the libraries may take on a slow machine."""

KEPT = 2_000
"""Bytes of what a process printed last that are kept."""


class NotBegun(Unavailable):
    """The process died of itself before it gave any sign of having begun the job: another one can be given it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use. ``seconds`` is per job, ``memory_mb`` for the whole process (0: unbounded)."""

    seconds: float = 60.0
    memory_mb: int = 2_048
    threads: int = 1


class Said:
    """What a process prints: read as it comes, so that it never waits, and forgotten but for the end.

    Args:
        stream: what it prints into; closed with its last writer.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._end = stream, b""
        self._thread = threading.Thread(target=self._read, name="explain-said", daemon=True)
        self._thread.start()

    def last_line(self) -> str:
        """Return the last line of a process that has ended: of its last job, as others are nobody else's business."""
        self._thread.join(1)  # what it started itself may hold the stream open
        lines = self._end.rpartition(MARK)[2].decode(errors="replace").split("\n")
        return next((line.strip()[-300:] for line in reversed(lines) if line.strip()), "it printed nothing")

    def _read(self) -> None:
        with self._stream:
            while part := os.read(self._stream.fileno(), 65_536):
                self._end = (self._end + part)[-KEPT:]


class Process:
    """One life of the worker process."""

    def __init__(self, allowed: Allowed, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from explain.engine import main; main()", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # must not mix with what the server prints
                stderr=subprocess.STDOUT,
                env=_environment(limits.threads),
                start_new_session=True,  # Ctrl-C is for the server, which then closes the worker
            )
        finally:
            theirs.close()
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._said = Said(self._process.stdout)
        self._pipe = Connection(ours.detach())
        self._ready = self._unwanted = False
        self.begun = False
        """Whether it is at a job, whose doing its death may then be."""
        self._send(Start(allowed=allowed, threads=limits.threads, memory_mb=limits.memory_mb))

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs and can be spoken to."""
        return not self._pipe.closed and self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until the libraries are imported."""
        if not self._ready:
            try:
                self._receive(START_SECONDS, f"worker did not start within {START_SECONDS:g} s")
            except Unavailable as error:
                raise type(error)(
                    f"{error}. It was still starting: are torch and shap installed (the extra 'explain'), and is "
                    "explain.memory_mb enough for them (about 1,024)?"
                ) from error
            self._ready = True

    def ask(self, job: Job, seconds: float) -> Reply:
        """Send one job and wait for its reply.

        Raises:
            NotBegun: it died, and nothing of the job was tried.
            Unavailable: it died of the job or during it, was killed by us, or took too long.
        """
        self._send(job)
        late = f"took longer than {seconds:g} s and was ended; ask for fewer rows or raise explain.timeout_s"
        self._receive(seconds, late)  # the job was read
        self.begun = True
        reply = msgspec.msgpack.decode(self._receive(seconds, late), type=Reply)
        self.begun = False
        return reply

    def kill(self) -> None:
        """End the process at once, and what it does; when this returns, it is seen to be dead."""
        self._unwanted = True
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill the process and release everything; may be called twice."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()

    def _send(self, message: Start | Job) -> None:
        try:
            self._pipe.send_bytes(msgspec.msgpack.encode(message))
        except OSError as error:
            raise self._died() from error

    def _receive(self, seconds: float, late: str) -> bytes:
        try:
            if not self._pipe.poll(seconds):
                raise Unavailable(f"the explanation {late}")
            return self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._died() from error

    def _died(self) -> Unavailable:
        """Say how the process ended, with the last line it printed."""
        kind = Unavailable if self.begun or self._unwanted else NotBegun
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Unavailable("the explanation worker was shut down; ask again")
        return kind(f"the explanation worker died ({_ending(code)}: {self._said.last_line()}); ask again")


def _ending(code: int) -> str:
    """Say how a process ended.

    >>> _ending(3), _ending(-9)
    ('exit code 3', 'ended by SIGKILL, which the system sends where memory runs out')
    """
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"ended by {name}" + (", which the system sends where memory runs out" if name == "SIGKILL" else "")


def _environment(threads: int) -> dict[str, str]:
    """Return the worker's environment: our import path, and how many threads what runs in it may take.

    Models may take several. Linear algebra takes one: what methods solve is small, and its sums must not go by how many
    processors a machine has, or an explanation could not be made again elsewhere.
    """
    counts = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    path = os.pathsep.join(os.path.abspath(each or os.curdir) for each in sys.path)  # noqa: PTH100 - plain strings
    return {**os.environ, **counts, "PYTHONPATH": path}
