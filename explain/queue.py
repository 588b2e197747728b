"""Who is explained next: one job per model at a time, first come first served, on a few worker processes."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from explain.engine import ASK, Job
from explain.explainers import Attribution
from explain.worker import SHUT_DOWN, Worker
from monitor.errors import Conflict, Overloaded, Unavailable

MOST_WAITING = 100
"""More are refused: who waits behind so many is better told to come again."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One job in the queue, and what comes of it: an Attribution, or the answers to a job that only asks."""

    model: str
    job: Job
    found: "Future[Any]" = field(default_factory=Future)
    worker: Worker | None = None
    cancelled: bool = False


class Queue:
    """Jobs in the order they came; a job runs when a worker is free and no other job of its model runs.

    Thread-safe. Every job that runs has a thread of its own, which ends with it.

    Args:
        workers: the worker processes.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = tuple(workers)
        self._lock = threading.Lock()
        self._free = list(workers)
        self._waiting: list[Ticket] = []
        self._running: list[Ticket] = []
        self.closed = False

    def put(self, model: str, job: Job) -> Ticket:
        """Take a place at the end.

        Raises:
            Overloaded: too many are waiting.
            Unavailable: the queue is closed.
        """
        ticket = Ticket(model, job)
        with self._lock:
            if self.closed:
                raise Unavailable(SHUT_DOWN)
            if len(self._waiting) >= MOST_WAITING:
                raise Overloaded(f"{MOST_WAITING} explanations are waiting already; ask again later")
            self._waiting.append(ticket)
            self._start()
        return ticket

    def position(self, ticket: Ticket) -> int:
        """Return how many jobs that are not done come before a ticket's: 0 while it runs, and once it is done."""
        with self._lock:
            if ticket not in self._waiting:
                return 0
            ahead = [other for other in self._waiting[: self._waiting.index(ticket)] if other.model == ticket.model]
            mine = [other for other in self._running if other.model == ticket.model]
            return max(1, len(ahead) + len(mine))

    def running(self, ticket: Ticket) -> bool:
        """Tell whether a worker is at it."""
        with self._lock:
            return ticket in self._running

    def cancel(self, ticket: Ticket) -> None:
        """Take a job out of the queue, or end the process that is at it; whoever waits for it gets a Conflict."""
        with self._lock:
            ticket.cancelled = True
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif ticket in self._running and ticket.worker is not None:
                ticket.worker.interrupt()
                return
            else:
                return
        ticket.found.set_exception(_cancelled())

    def close(self) -> None:
        """End the workers; every job fails with Unavailable."""
        with self._lock:
            self.closed = True
            waiting, self._waiting = self._waiting, []
        for ticket in waiting:
            ticket.found.set_exception(Unavailable(SHUT_DOWN))
        for worker in self.workers:
            worker.close()

    def _start(self) -> None:
        """Start every job that can run now; called with the lock held."""
        for ticket in list(self._waiting):
            if not self._free:
                return
            if all(other.model != ticket.model for other in self._running):
                self._waiting.remove(ticket)
                self._running.append(ticket)
                # The worker that was used last is the one whose models are warm.
                ticket.worker = self._free.pop()
                threading.Thread(target=self._run, args=(ticket, ticket.worker), name="explain", daemon=True).start()

    def _run(self, ticket: Ticket, worker: Worker) -> None:
        found: Attribution | list[Attribution] | list[float] | None = None
        failed: BaseException | None = None
        try:
            found = None if ticket.cancelled else _work(worker, ticket.job)
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: raised in whoever waits
            failed = error
        with self._lock:
            self._running.remove(ticket)
            self._free.append(worker)
            self._start()
        if ticket.cancelled:
            ticket.found.set_exception(_cancelled())
        elif found is not None:
            ticket.found.set_result(found)
        else:
            ticket.found.set_exception(failed or Unavailable("the explanation ended without an answer; ask again"))


def _work(worker: Worker, job: Job) -> Attribution | list[Attribution] | list[float]:
    if job.method == ASK:
        return worker.ask(job)
    return worker.many(job) if job.many else worker.run(job)


def _cancelled() -> Conflict:
    return Conflict("this explanation was cancelled; ask again for another one")
