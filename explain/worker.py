"""The worker process, as the server sees it: one job at a time, with a deadline and a memory limit.

Model frameworks and explanation libraries are slow to import, not thread-safe, and may crash or exhaust memory. They
live in a process of their own that stays warm; when it dies or exceeds its time it is replaced, the job fails with a
clear error, and the next job works. A job that its process had not begun when it died is given to the next one, once.
The server's own process never imports them.
"""

import math
import threading

from explain.engine import Job, Reply
from explain.explainers import Attribution
from explain.models import Allowed
from explain.process import Limits, NotBegun, Process
from monitor.errors import InvalidInput, NotFound, Unavailable, WatchglassError

__all__ = ["SHUT_DOWN", "Limits", "Worker"]

SHUT_DOWN = "explanations are shut down; ask again once the server has started"
"""What is said of a job that the server's end leaves undone."""

NO_THREADS = ("can't start new thread", "resource temporarily unavailable", "thread creation failed")
"""What is said by Python, C++ and OpenMP where no thread can be started."""

_ERRORS = {"InvalidInput": InvalidInput, "NotFound": NotFound}


class Worker:
    """A persistent worker process. Thread-safe: jobs wait for their turn.

    It starts on :meth:`warm` or the first job, and again after it had to be ended.
    """

    def __init__(self, allowed: Allowed, limits: Limits) -> None:
        self.limits = limits
        self._allowed = allowed
        self._turn = threading.Lock()
        self._process: Process | None = None
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
        return _finite(reply.attribution, job)

    def many(self, job: Job) -> list[Attribution]:
        """Make an explanation of each of a job's rows; numbers that are not finite are left to whoever counts them.

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
            try:
                reply = self._given(job)
            except NotBegun:  # as where it was idle and the system took its memory: the job has no part in that
                self._replace()
                reply = self._given(job)
            if reply.fatal:
                self._replace()
        except Unavailable as error:
            self._replace()
            if self._closed:
                raise Unavailable(SHUT_DOWN) from error
            raise
        finally:
            self._turn.release()
        return reply

    def _given(self, job: Job) -> Reply:
        process = self._up()
        process.wait_ready()
        return process.ask(job, self.limits.seconds)

    def interrupt(self) -> None:
        """End the process, and with it the job that runs; the next job gets a fresh one."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process for good; a running job fails with Unavailable."""
        self._closed = True
        while True:
            self.interrupt()  # whoever waits for its reply sees the end of it and gives the turn back
            if self._turn.acquire(timeout=0.05):  # else one may just have been started
                break
        try:
            if self._process is not None:
                self._process.end()
        finally:
            self._turn.release()

    @property
    def begun(self) -> bool:
        """Whether its process is at a job; a job that waits for the process to start is not begun yet."""
        process = self._process
        return process is not None and process.begun

    @property
    def pid(self) -> int | None:
        """The process's id while it is up."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def _up(self) -> "Process":
        if self._closed:
            raise Unavailable(SHUT_DOWN)
        if self._process is None or not self._process.alive:
            if self._process is not None:
                self._process.end()
            self._process = Process(self._allowed, self.limits)
        return self._process

    def _replace(self) -> None:
        """End the process and let a fresh one warm up for the next job."""
        if self._process is not None:
            self._process.end()
        if not self._closed:
            self._process = Process(self._allowed, self.limits)

    def _failed(self, reply: Reply, job: Job) -> WatchglassError:
        if reply.error == "Memory":
            return Unavailable(
                f"the explanation needs more than the worker's {self.limits.memory_mb:,} MB ({reply.message}); ask "
                "for fewer rows or raise explain.memory_mb"
            )
        if any(said in reply.message.lower() for said in NO_THREADS):
            return Unavailable(
                f"the model started more threads than fit into the worker's {self.limits.memory_mb:,} MB, of which "
                f"each takes about 8 ({reply.message}); have it start fewer, or raise explain.memory_mb"
            )
        if reply.error == "Model":
            return Unavailable(f"the model failed on the rows of the explanation ({job.method}): {reply.message}")
        return _ERRORS.get(reply.error, Unavailable)(reply.message)


def _finite(found: Attribution, job: Job) -> Attribution:
    """Return an attribution whose numbers can be stored: all of them are finite.

    Raises:
        Unavailable: they are not.
    """
    amounts = [found.base_value, found.prediction, *found.attributions.values(), *(part.amount for part in found.parts)]
    errors = [*(found.standard_errors or {}).values(), *(part.error or 0.0 for part in found.parts)]
    classes = [amount for each in found.outputs.values() for amount in each.values()]
    if all(map(math.isfinite, (*amounts, *errors, *classes))):
        return found
    raise Unavailable(
        f"the contributions by {job.method} are no finite numbers: the model's answers are too large to be "
        f"added up (this row's is {found.prediction:.6g}). Have it answer in larger units, or its logarithm"
    )
