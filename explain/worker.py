"""The worker process, as the server sees it: one job at a time, with a deadline and a memory limit.

Model frameworks and explanation libraries are slow to import, not thread-safe, and may crash or exhaust memory. They
live in a process of their own that stays warm; when it dies or exceeds its time it is replaced, the job fails with a
clear error, and the next job works. The server's own process never imports them.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO

import msgspec

from explain.engine import Job, Reply, Start
from explain.explainers import Attribution
from explain.models import Allowed
from monitor.errors import InvalidInput, NotFound, Unavailable, WatchglassError

START_SECONDS = 120.0
"""How long importing the libraries may take on a slow machine."""

_ERRORS = {"InvalidInput": InvalidInput, "NotFound": NotFound}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use. ``seconds`` is per job, ``memory_mb`` for the whole process (0: unbounded)."""

    seconds: float = 60.0
    memory_mb: int = 2_048
    threads: int = 1


class Worker:
    """A persistent worker process. Thread-safe: jobs wait for their turn.

    It starts on :meth:`warm` or the first job, and again after it had to be ended.
    """

    def __init__(self, allowed: Allowed, limits: Limits) -> None:
        self.limits = limits
        self._allowed = allowed
        self._turn = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the process without waiting for it; does nothing while a job runs, it is up, or it was closed."""
        if self._turn.acquire(blocking=False):
            try:
                if not self._closed:
                    self._up()
            finally:
                self._turn.release()

    def run(self, job: Job) -> Attribution:
        """Make one explanation.

        Raises:
            InvalidInput: what the job asks for does not work; asking again will not help.
            Unavailable: the worker is busy, died, or ran out of time or memory; the next job gets a fresh one.
        """
        reply = self._exchange(job)
        if reply.attribution is None:
            raise self._failed(reply, job)
        return reply.attribution

    def many(self, job: Job) -> list[Attribution]:
        """Make an explanation of each of a job's rows.

        Raises:
            As `run`.
        """
        reply = self._exchange(job)
        if reply.attributions is None:
            raise self._failed(reply, job)
        return reply.attributions

    def ask(self, job: Job) -> list[float]:
        """Return what the model answers to the rows of a job of the method `ASK`.

        Raises:
            As `run`.
        """
        reply = self._exchange(job)
        if reply.answers is None:
            raise self._failed(reply, job)
        return reply.answers

    def _exchange(self, job: Job) -> Reply:
        if not self._turn.acquire(timeout=self.limits.seconds):
            raise Unavailable(
                f"other explanations have kept the worker busy for {self.limits.seconds:g} s; ask again later"
            )
        try:
            process = self._up()
            process.wait_ready()
            reply = process.ask(job, self.limits.seconds)
            if reply.fatal:
                self._replace()
        except Unavailable:
            self._replace()
            raise
        finally:
            self._turn.release()
        return reply

    def interrupt(self) -> None:
        """End the process, and with it the job that runs; the next job gets a fresh one."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process for good; a running job fails with Unavailable."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for its reply sees the end of it and gives the turn back
        with self._turn:
            if self._process is not None:
                self._process.end()

    @property
    def pid(self) -> int | None:
        """The process's id while it is up."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def _up(self) -> "_Process":
        if self._closed:
            raise Unavailable("explanations are shut down")
        if self._process is None or not self._process.alive:
            if self._process is not None:
                self._process.end()
            self._process = _Process(self._allowed, self.limits)
        return self._process

    def _replace(self) -> None:
        """End the process and let a fresh one warm up for the next job."""
        if self._process is not None:
            self._process.end()
        if not self._closed:
            self._process = _Process(self._allowed, self.limits)

    def _failed(self, reply: Reply, job: Job) -> WatchglassError:
        if reply.error == "Memory":
            return Unavailable(
                f"the explanation needs more than the worker's {self.limits.memory_mb:,} MB ({reply.message}); ask "
                "for fewer rows or raise explain.memory_mb"
            )
        if reply.error == "Model":
            return Unavailable(f"the model failed on the rows of the explanation ({job.method}): {reply.message}")
        return _ERRORS.get(reply.error, Unavailable)(reply.message)


class _Process:
    """One life of the worker process."""

    def __init__(self, allowed: Allowed, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        # What it prints is kept for the message should it die; it must not mix with what the server prints.
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open for the process's life
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from explain.engine import main; main()", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                env=_environment(limits.threads),
                start_new_session=True,  # Ctrl-C is for the server, which then closes the worker
            )
        finally:
            theirs.close()
        self._pipe = Connection(ours.detach())
        self._ready = False
        self._send(Start(allowed=allowed, threads=limits.threads, memory_mb=limits.memory_mb))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._pipe.closed and self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until the libraries are imported."""
        if not self._ready:
            try:
                self._receive(START_SECONDS, f"worker did not start within {START_SECONDS:g} s")
            except Unavailable as error:
                raise Unavailable(
                    f"{error}. It was still starting: are torch and shap installed (the extra 'explain'), and is "
                    "explain.memory_mb enough for them (about 1,024)?"
                ) from error
            self._ready = True

    def ask(self, job: Job, seconds: float) -> Reply:
        """Send one job and wait for its reply."""
        self._send(job)
        late = f"took longer than {seconds:g} s and was ended; ask for fewer rows or raise explain.timeout_s"
        return msgspec.msgpack.decode(self._receive(seconds, late), type=Reply)

    def kill(self) -> None:
        """End the process at once; when this returns, it is seen to be dead."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Kill the process and release everything; may be called twice."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._said.close()

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
        try:
            code = self._process.wait(timeout=5)
            self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 2_000))
            lines = self._said.read().decode(errors="replace").split("\n")
        except (subprocess.TimeoutExpired, ValueError):
            return Unavailable("the explanation worker was shut down; ask again")
        last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
        return Unavailable(f"the explanation worker died (exit code {code}: {last.strip()}); ask again")


def _environment(threads: int) -> dict[str, str]:
    """Return the worker's environment: our import path, and a fixed number of threads so that sums do not vary."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    path = os.pathsep.join(os.path.abspath(each or os.curdir) for each in sys.path)  # noqa: PTH100 - plain strings
    return {**os.environ, **counts, "PYTHONPATH": path}
