"""Explanations that are under way, as people see them: what waits, what runs, how far it is, what came of it."""

import threading
import uuid
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from explain.pending import Pending
from explain.queue import Queue, Ticket
from monitor.errors import Conflict, NotFound
from monitor.types import Explanation

KEPT = 200
"""How many that are over are remembered."""


class TaskState(StrEnum):
    """What became of it so far."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY = (TaskState.QUEUED, TaskState.RUNNING, TaskState.CANCELLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainTask:
    """One explanation, or those of a window, at one moment.

    ``position`` is how many of its model's come first (0: it runs, or is over); ``done`` of ``total`` rows are
    explained, ``failed`` of them could not be. ``explanation`` is the id of what one row's came to.
    """

    id: str
    model: str
    inference_id: str | None
    method: str
    state: TaskState
    position: int
    done: int
    total: int
    failed: int
    error: str
    explanation: str | None
    created: datetime


@dataclass(eq=False, slots=True)
class Task:
    """The same while it changes. ``pending`` is what is done for it just now; ``over`` ends with it."""

    model: str
    inference_id: str | None
    method: str
    created: datetime
    total: int = 1
    done: int = 0
    failed: int = 0
    error: str = ""
    explanation: str | None = None
    state: TaskState = TaskState.QUEUED
    pending: Pending | None = None
    cancelled: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    over: "Future[None]" = field(default_factory=Future)
    _finishing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ticket(self) -> Ticket | None:
        """The place in the queue of what is done for it just now."""
        return None if self.pending is None else self.pending.ticket

    def finish(self, state: TaskState, error: str = "") -> None:
        """Say what became of it; what is said first holds."""
        with self._finishing:
            if not self.over.done():
                self.state, self.error = state, error
                self.over.set_result(None)

    def follow(self, found: "Future[Explanation]") -> None:
        """Write down what became of its one explanation, which is over."""
        error = found.exception()
        if error is None:
            self.done, self.explanation = 1, found.result().id
            self.finish(TaskState.DONE)
        elif isinstance(error, Conflict):
            self.finish(TaskState.CANCELLED, str(error))
        else:
            self.failed = 1
            self.finish(TaskState.FAILED, str(error))


class Tasks:
    """The tasks of this process, by id; those that are over are forgotten in time."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._tasks: OrderedDict[str, Task] = OrderedDict()

    def add(self, task: Task) -> Task:
        """Remember a task."""
        with self._lock:
            self._tasks[task.id] = task
            over = [known.id for known in self._tasks.values() if known.over.done()]
            for id_ in over[: max(0, len(over) - KEPT)]:
                del self._tasks[id_]
        return task

    def view(self, task: Task) -> ExplainTask:
        """Return a task as it is now."""
        state = task.state
        ticket = task.ticket
        position = 0
        if state is TaskState.QUEUED and ticket is not None:
            position = self._queue.position(ticket)
            state = TaskState.RUNNING if position == 0 else state
        if task.cancelled and not task.over.done():  # its worker is being ended
            state, position = TaskState.CANCELLING, 0
        return ExplainTask(
            id=task.id,
            model=task.model,
            inference_id=task.inference_id,
            method=task.method,
            state=state,
            position=position,
            done=task.done,
            total=task.total,
            failed=task.failed,
            error=task.error,
            explanation=task.explanation,
            created=task.created,
        )

    def listed(self, model: str | None = None) -> list[ExplainTask]:
        """Return every task there is, newest first."""
        with self._lock:
            known = list(self._tasks.values())
        return [self.view(task) for task in reversed(known) if model in (None, task.model)]

    def get(self, id: str) -> Task:  # noqa: A002 - the noun
        """Return one task.

        Raises:
            NotFound: there is none of that id, or it was over long ago.
        """
        with self._lock:
            found = self._tasks.get(id)
        if found is None:
            raise NotFound(f"There is no explanation under way with the id {id!r}, nor one that ended lately.")
        return found

    def cancel(self, id: str) -> Task:  # noqa: A002 - the noun
        """End a task; one that is over stays as it is, and so does an explanation that others wait for, too.

        Raises:
            NotFound: there is none of that id.
        """
        task = self.get(id)
        task.cancelled = True
        ticket = task.ticket
        if ticket is None:
            return task
        if not self._wanted(ticket):
            self._queue.cancel(ticket)
        elif task.inference_id is not None:
            task.finish(TaskState.CANCELLED, "it was cancelled; others wait for the same explanation, which goes on")
        return task

    def _wanted(self, ticket: Ticket) -> bool:
        """Tell whether a task that was not cancelled waits for a job."""
        with self._lock:
            known = list(self._tasks.values())
        return any(task.ticket is ticket and not task.cancelled and not task.over.done() for task in known)
