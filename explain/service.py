"""Explanations of captured predictions, on demand: the cache first, then the queue of the worker processes."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from explain.attributing import Attributing
from explain.choosing import AUTO, usable
from explain.cost import Cost, cost
from explain.explainers import Attribution, Explainer, explainers
from explain.hire import make_worker
from explain.models import adapter
from explain.pending import Pending, pass_on
from explain.queue import Queue
from explain.recent import Recent
from explain.request import Asked, Request, Requests, specification
from explain.tasks import Task, Tasks
from explain.telling import told
from explain.trying import Trying
from explain.warming import warm_models
from explain.windows import Windows
from explain.worker import Worker
from monitor.clock import Clock, SystemClock
from monitor.errors import InvalidInput
from monitor.types import Explanation

if TYPE_CHECKING:  # explaining needs no database driver of its own
    from monitor.config import Config
    from monitor.store import Store


class ExplainService:
    """Explains captured rows with the model version that served them.

    The same row, model, method, settings, seed and background give the same stored explanation; a change in any of
    them makes a new one. Thread-safe; of one model one explanation is computed at a time, the others wait in a queue.

    Args:
        store: where rows, models and explanations are.
        config: what may be loaded, and what it may cost.
        clock: says when an explanation was made.
        workers: the processes that compute, started or not; by default one of its own.
    """

    def __init__(
        self, store: "Store", config: "Config", clock: Clock | None = None, workers: Sequence[Worker] | None = None
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._running: dict[str, Pending] = {}
        self.queue = Queue(workers if workers is not None else [make_worker(config)])
        self.tasks = Tasks(self.queue)
        self.requests = Requests(store, config.explain.timeout_s, self._clock)
        self._recent = Recent(store)
        self._ready = threading.Event()
        self.trying = Trying(self)
        self.windows = Windows(store, self, self._clock)
        settings = config.explain
        self.attribute = Attributing(store, self.requests, self.queue, settings.attribution_rows, settings.timeout_s)

    def now(self) -> datetime:
        """Return the moment it is."""
        return self._clock.now()

    def warm(self, *, models: bool = False) -> None:
        """Start the workers in the background, so that the first explanation does not wait for imports.

        Args:
            models: whether a few models, too, are loaded and asked once.
        """
        for worker in self.queue.workers:
            worker.warm()
        if models:
            threading.Thread(target=self._warm_models, name="warm", daemon=True).start()
        else:
            self._ready.set()

    def _warm_models(self) -> None:
        try:
            warm_models(self._store, self.requests, self.queue)
        finally:
            self._ready.set()

    @property
    def ready(self) -> bool:
        """Whether nobody has to wait for libraries and models to be loaded any more."""
        return self._ready.is_set()

    def close(self) -> None:
        """End the workers; explanations are refused from here on."""
        self.queue.close()

    @property
    def closed(self) -> bool:
        """Whether explanations are refused for good."""
        return self.queue.closed

    def methods(self) -> dict[str, type[Explainer]]:
        """Return the methods that may be asked for, by name."""
        return explainers()

    def usable(self, model: str, version: str, target: str | None = None) -> dict[str, str | None]:
        """Return every method, and why it cannot explain a version's rows; None where it can."""
        spec = specification(self._store.catalog.version(model, version), target)[1]
        return usable(self._store.catalog.model(model).schema, adapter(spec))

    def explain(
        self,
        model: str,
        inference_id: str,
        method: str = AUTO,
        *,
        version: str | None = None,
        seed: int = 0,
        target: str | None = None,
        settings: Mapping[str, object] | None = None,
        cohort: str | None = None,
    ) -> Explanation:
        """Explain one captured prediction, and wait for it.

        Args:
            model: the model's name.
            inference_id: the captured row.
            method: an explainer's name, such as "shapley" or "lime", or "auto".
            version: which version's row, where several versions were asked under the same id.
            seed: every random choice follows from it.
            target: "artifact" (the registered model file) or "endpoint" (the served model as a black box); by default
                the artifact where the version has one.
            settings: the method's own, such as ``{"rows": 20_000}``.
            cohort: a column's name: compare with rows like this one in it only.

        Raises:
            NotFound: no such model, version or captured row.
            InvalidInput: an unknown method, target or setting, or a version with neither artifact nor endpoint.
            Unavailable: the worker or the model did not answer in time, or too many are waiting.
            Conflict: it was cancelled.
        """
        asked = Asked(
            model=model,
            inference_id=inference_id,
            method=method,
            version=version,
            seed=seed,
            target=target,
            settings=settings,
            cohort=cohort,
        )
        return self.ask(asked)[0].result()

    def cost(self, asked: Asked) -> Cost:
        """Return what an explanation would cost; nothing is asked of the model.

        Raises:
            As `explain`, for what is wrong with the question itself.
        """
        return cost(self.requests.make(asked), self._store)

    def ask(self, asked: Asked) -> "tuple[Future[Explanation], Task]":
        """Ask for an explanation; return what it will be, and the task to see how far it is.

        Raises:
            As `explain`, for what is wrong with the question itself.
        """
        pending = self.submit(asked)
        task = Task(
            model=asked.model,
            inference_id=asked.inference_id,
            method=asked.method,
            created=self._clock.now(),
            pending=pending,
        )
        self.tasks.add(task)
        pending.found.add_done_callback(task.follow)
        return pending.found, task

    def submit(self, asked: Asked, *, sampled: bool = False) -> Pending:
        """Return a stored explanation, the one under way for the same question, or a new place in the queue.

        Args:
            asked: the question.
            sampled: whether chance chose the row, so that the explanation stands for others.
        """
        again = self._recent.fingerprint(asked)
        if again is not None:
            stored = self._store.explanations.find(asked.model, asked.inference_id, fingerprint=again)
            if stored is not None:
                return self._there(stored, sampled)
        request = self.requests.make(asked)
        with self._lock:
            pending = self._running.get(request.fingerprint)
            if pending is not None:
                pending.sampled |= sampled
                return pending
            # Looked up under the lock: one that has just been finished is stored by now.
            stored = self._store.explanations.find(asked.model, asked.inference_id, fingerprint=request.fingerprint)
            if stored is not None:
                self._recent.keep(asked, request)
                return self._there(stored, sampled)
            started = time.perf_counter()
            ticket = self.queue.put(asked.model, request.job)
            pending = self._running[request.fingerprint] = Pending(Future(), ticket, sampled)
        # Out of the lock: where the answer is there already, this calls at once.
        ticket.found.add_done_callback(partial(self._finish, asked, request, pending, started))
        return pending

    def _there(self, stored: Explanation, sampled: bool) -> Pending:
        if sampled:
            self._store.explanations.mark_sampled(stored.id)
        found: Future[Explanation] = Future()
        found.set_result(stored)
        return Pending(found)

    def _finish(
        self,
        asked: Asked,
        request: Request,
        pending: Pending,
        started: float,
        done: "Future[Attribution]",
    ) -> None:
        """Store one explanation, for everybody who asks for the same at the same time."""
        try:
            explanation = told(request, done.result(), time.perf_counter() - started, self._clock.now())
            moment, sampled = cast("datetime", request.row["_time"]), pending.sampled
            self._store.explanations.put(explanation, request.fingerprint, time=moment, sampled=sampled)
        except BaseException as error:  # noqa: BLE001 - raised in every thread that waits
            with self._lock:
                del self._running[request.fingerprint]
            if asked.method == AUTO and isinstance(error, InvalidInput) and self.requests.refuse(request, str(error)):
                pass_on(pending, partial(self.submit, asked, sampled=pending.sampled))
            else:
                pending.found.set_exception(error)
            return
        with self._lock:
            del self._running[request.fingerprint]
        try:
            if pending.sampled and not sampled:
                self._store.explanations.mark_sampled(explanation.id)
        finally:  # whoever waits gets what is stored, whatever becomes of the mark
            pending.found.set_result(explanation)
