"""Explaining a window: rows that chance chooses, stratified by score, one after the other, with progress."""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from explain.background import CANDIDATES, stratified
from explain.choosing import AUTO
from explain.cost import WindowCost
from explain.pending import Pending
from explain.request import Asked
from explain.tasks import Task, TaskState
from monitor.clock import Clock
from monitor.errors import Conflict, InvalidInput, Overloaded, Unavailable, WatchglassError
from monitor.types import Explanation, Scalar, Window

if TYPE_CHECKING:
    from explain.service import ExplainService
    from monitor.store import Store

MOST_ROWS = 2_000

PAUSE = 0.5
"""Seconds until a full queue is tried again."""

_LOG = logging.getLogger("watchglass.explain")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAsked:
    """Which window of which model to explain, by which method; ``rows`` of it are chosen."""

    model: str
    window: Window
    version: str | None = None
    method: str = AUTO
    rows: int = 100
    seed: int = 0


class Windows:
    """Starts explanations of windows, each in a thread of its own that waits for the queue."""

    def __init__(self, store: "Store", service: "ExplainService", clock: Clock) -> None:
        self._store = store
        self._service = service
        self._clock = clock

    def start(self, asked: WindowAsked) -> Task:
        """Choose rows and begin to explain them; return what tells how far it is.

        The same question chooses the same rows, so that those explained before are there at once.

        Raises:
            NotFound: no such model.
            InvalidInput: the window has no row, or too many or too few rows are asked for.
        """
        chosen = self.choose(asked)
        task = Task(
            model=asked.model, inference_id=None, method=asked.method, created=self._clock.now(), total=len(chosen)
        )
        self._service.tasks.add(task)
        threading.Thread(target=self._run, args=(task, asked, chosen), name="explain-window", daemon=True).start()
        return task

    def choose(self, asked: WindowAsked) -> list[tuple[str, str]]:
        """Return id and version of the rows that are explained, as many of each tenth of the scores.

        Raises:
            As `start`.
        """
        if not 1 <= asked.rows <= MOST_ROWS:
            raise InvalidInput(f"rows must be from 1 to {MOST_ROWS:,}, got {asked.rows!r}")
        found = self._store.rows.sample(
            asked.model, asked.window, asked.version, limit=CANDIDATES, seed=asked.seed
        ).select(["_id", "_version", "_score"])
        ids, versions = found["_id"].to_pylist(), found["_version"].to_pylist()
        if not ids:
            raise InvalidInput(
                f"no row of {asked.model!r} was captured from {asked.window.start:%Y-%m-%d %H:%M} to "
                f"{asked.window.end:%Y-%m-%d %H:%M} UTC; give a window that has rows"
            )
        return [(ids[at], versions[at]) for at in stratified(found, asked.rows, asked.seed)]

    def cost(self, asked: WindowAsked) -> WindowCost:
        """Return what `start` would cost; nothing is asked of the model.

        Raises:
            As `start`.
        """
        chosen = self.choose(asked)
        ones = (self._service.cost(self._question(asked, id_, version)) for id_, version in chosen)
        one = next((each for each in ones if not each.cached), None)  # what a row costs that is asked
        if one is None:
            return WindowCost(
                explanations=0, rows=0, requests=0, one=self._service.cost(self._question(asked, *chosen[0]))
            )
        count = len(chosen)
        return WindowCost(explanations=count, rows=count * one.rows, requests=count * one.requests, one=one)

    def _question(self, asked: WindowAsked, id_: str, version: str) -> Asked:
        return Asked(model=asked.model, inference_id=id_, method=asked.method, version=version, seed=asked.seed)

    def _run(self, task: Task, asked: WindowAsked, chosen: list[tuple[str, str]]) -> None:
        task.state = TaskState.RUNNING
        reason = ""
        try:
            for id_, version in chosen:
                if task.cancelled:
                    break
                reason = self._one(task, asked, id_, version) or reason
        except Exception as error:  # noqa: BLE001 - the thread's boundary: a task must not stay half done
            _LOG.exception("explaining a window of %s failed", asked.model)
            task.finish(TaskState.FAILED, f"{type(error).__name__}: {error}")
            return
        if task.cancelled:
            task.finish(TaskState.CANCELLED, "it was cancelled; what was explained until then is kept")
        elif task.done:
            task.finish(TaskState.DONE, f"{task.failed} rows could not be explained: {reason}" if task.failed else "")
        else:
            task.finish(TaskState.FAILED, reason)

    def _submit(self, task: Task, question: Asked) -> Pending:
        """Take a place in the queue; where it is full, wait for one: a row is not given up for that."""
        while True:
            try:
                return self._service.submit(question, sampled=True)
            except Overloaded as error:
                if task.cancelled:
                    raise Conflict("it was cancelled") from error
                threading.Event().wait(PAUSE)

    def _one(self, task: Task, asked: WindowAsked, id_: str, version: str) -> str:
        """Explain one row; return why not, or nothing."""
        try:
            pending = self._submit(task, self._question(asked, id_, version))
            task.pending = pending
            task.explanation = pending.found.result().id
        except Conflict as error:
            if not task.cancelled:  # who gave it up was somebody else who had asked for the same row
                return self._one(task, asked, id_, version)
            return str(error)
        except WatchglassError as error:
            if isinstance(error, Unavailable) and self._service.closed:
                raise
            task.failed += 1
            return str(error)
        task.done += 1
        return ""


def window_of(start: datetime, end: datetime) -> Window:
    """Return a window; times without an offset are in UTC.

    Raises:
        InvalidInput: it ends before it begins.
    """
    start, end = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (start, end))
    if end <= start:
        raise InvalidInput(f"the window ends ({end.isoformat()}) before it begins ({start.isoformat()})")
    return Window(start, end)


@dataclass(frozen=True, slots=True)
class Sample:
    """Explanations by one method of rows of a window that chance chose."""

    window: Window
    method: str | None
    explanations: list[Explanation]


def sample(store: "Store", model: str, window: Window, version: str | None = None, method: str | None = None) -> Sample:
    """Return what was explained of a window by one method: by default the one with most rows."""
    found = store.explanations.sample(model, window, version=version, method=method)
    counts = Counter(each.method for each in found)
    chosen = method or max(counts, key=lambda name: (counts[name], name), default=None)
    return Sample(window, chosen, [each for each in found if each.method == chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A group of rows: one input has exactly a value, or at least a number."""

    feature: str
    value: str | None = None
    above: float | None = None


def split(found: Sequence[Explanation], cohort: Cohort) -> tuple[list[Explanation], list[Explanation]]:
    """Return the explanations of a group, and those of all other rows.

    Raises:
        InvalidInput: the cohort says neither value nor number, or both.
    """
    if (cohort.value is None) == (cohort.above is None):
        raise InvalidInput("give either value (exactly) or above (at least), to say which rows are the group")

    def inside(each: Explanation) -> bool:
        given = each.values.get(cohort.feature)
        if cohort.above is not None:
            return isinstance(given, int | float) and given >= cohort.above
        return given is not None and _same(given, str(cohort.value))

    return [each for each in found if inside(each)], [each for each in found if not inside(each)]


def _same(given: Scalar, said: str) -> bool:
    """Tell whether a value is the one that was said in words.

    >>> _same(1.0, "1"), _same(True, "true"), _same("AA", "aa"), _same("01", "1"), _same(2.0, "two")
    (True, True, True, False, False)
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        with contextlib.suppress(ValueError):
            return given == float(said)
    return str(given).lower() == said.lower()
