"""Ingest: submissions in, durable rows out, and profiles that always agree with them."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from threading import Event, Lock, Thread

import pyarrow as pa

from monitor.clock import Clock
from monitor.errors import DiskFull, Overloaded, Unavailable, WatchglassError
from monitor.ingest.committer import Committer
from monitor.ingest.exchanges import Arrival
from monitor.ingest.journal import Journal
from monitor.ingest.live import Live
from monitor.ingest.pending import Pending
from monitor.ingest.queue import GATHER_SECONDS, GLANCE_SECONDS, Queue
from monitor.ingest.receipts import Answer, Receipt, Submission
from monitor.ingest.refusals import DISK_FULL, QUEUE_FULL, STOPPED, Refusals
from monitor.schema import Conformed
from monitor.store import Disk, Store
from monitor.store.days import KEEP_DAILY, KEEP_HOURLY
from monitor.types import Inference, Label, Window

_log = logging.getLogger(__name__)
_COMPACT_EVERY = 50  # flushes of one model


class Ingest:
    """The way into the store.

    One thread commits: it drains the queue and makes all that waits durable in one transaction, then answers. Another
    turns committed rows into profile pieces every ``flush_rows`` rows or ``flush_seconds``.

    Args:
        store: where everything goes.
        clock: tells when rows were received.
        max_bytes: how much may wait to be stored; more is refused.
        disk: says whether there is room; below its reserve everything is refused.
        flush_rows: after how many rows profile pieces are written.
        flush_seconds: after how many seconds they are written at the latest.
        keep_hourly_days: for how many days profiles are kept by the hour.
        keep_daily_days: likewise by the day.
        journal: whether plain rows are answered once they are in a journal beside the store's file, and brought into
            its tables a moment later or as soon as anybody looks; what the last process left there is brought in now.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        max_bytes: int = 64 * 2**20,
        disk: Disk | None = None,
        flush_rows: int = 50_000,
        flush_seconds: float = 5.0,
        keep_hourly_days: int = KEEP_HOURLY,
        keep_daily_days: int = KEEP_DAILY,
        journal: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._flush_rows = flush_rows
        self._flush_seconds = flush_seconds
        self._keep_days = (keep_hourly_days, keep_daily_days)
        self._queue = Queue(max_bytes)
        self.disk = disk or Disk(None)
        self.refusals = Refusals(store)
        self._pending = _pending(store) if journal else None
        self._committer = Committer(store, clock, self.disk, self.refusals, self._pending)
        self._live: dict[str, Live] = {}
        self._opening = Lock()
        self._flush_soon = Event()
        self._stopping = Event()
        self._threads: list[Thread] = []
        self._unflushed = 0
        self._flushes: Counter[str] = Counter()

    def start(self) -> None:
        """Take submissions from now on, and profile what was committed but not profiled before the last stop."""
        self._stopping.clear()
        self._flush_soon.set()
        self._queue.open()
        self._threads = [
            Thread(target=self._commit_forever, name="watchglass-committer", daemon=True),
            Thread(target=self._flush_forever, name="watchglass-flusher", daemon=True),
        ]
        if self._pending is not None:
            self._pending.open()
            self._bringer = Thread(
                target=_bring_in, args=(self._store, self._pending), name="watchglass-bringer", daemon=True
            )
            self._bringer.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more, commit and answer what waits, and write the profile pieces."""
        self._queue.close()
        self._stopping.set()
        self._flush_soon.set()
        for thread in self._threads:
            thread.join()
        if self._pending is not None and self._threads:
            self._store.database.catch_up()
            self._pending.close()
            self._bringer.join()
        if self._threads:
            self._threads = []
            self._keep_refusals()
            self.flush()

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be stored."""
        return self._queue.bytes

    @property
    def running(self) -> bool:
        """Whether submissions are taken."""
        return self._queue.running

    def check(self, model: str, requests: int = 1) -> None:
        """Refuse, and count, what cannot be stored now: cheap, so that it can be asked before a body is read.

        Args:
            model: whose rows they are.
            requests: how many of them there are.

        Raises:
            DiskFull: the disk's reserve is reached.
            Unavailable: capture is starting or stopping.
        """
        try:
            if not self._queue.running:
                raise Unavailable("Capture is not running (starting or stopping). Send the same rows again later.")
            self.disk.check()
        except Unavailable as error:
            self._refused(model, error, requests)
            raise

    def _refused(self, model: str, error: Unavailable, requests: int) -> None:
        full = isinstance(error, DiskFull)
        reason = DISK_FULL if full else QUEUE_FULL if isinstance(error, Overloaded) else STOPPED
        self.refusals.count(model, reason, requests)

    def submit(
        self,
        model: str,
        conformed: Conformed | None,
        labels: Sequence[Label] | None = None,
        *,
        source: str,
        received: int,
        client: str | None = None,
        drops: Mapping[str, int] | None = None,
        replays: Sequence[int] = (),
        rows: Sequence[Inference] = (),
        plain: bool = False,
        halves: Sequence[Arrival] | None = None,
    ) -> "Future[Receipt]":
        """Hand in rows and labels; returns at once.

        Args:
            model: a registered model.
            conformed: inferences as `monitor.schema.conform` gives them.
            labels: truths for inferences stored before, now or later.
            source: how they came ("http", "client", "import"…); labels are counted under "labels".
            received: how many rows came in all; those that are neither in ``conformed`` nor labels could not be read.
            client: the sender's own id, for its drop counters.
            drops: how many rows that client has dropped so far, ever, by reason.
            replays: the numbers of the dead letters these were read from; they count as replayed with the same commit.
            rows: inferences that the committer is to conform, instead of ``conformed``: cheaper where they are few.
            plain: whether `monitor.schema.is_plain` says so of ``rows``: then they may be answered from the journal.
            halves: sides of exchanges; rows are made of those whose other side is there, and then the receipt is a
                `Collected`. They are not among ``received``.

        Returns:
            A future that resolves once everything is durable.

        Raises:
            NotFound: the model is not registered.
            Overloaded: the queue is full; nothing was taken, and the refusal is counted.
            Unavailable: capture is stopped; likewise.
            ValueError: ``received`` is less than what is handed in.
        """
        self._store.catalog.model(model)
        future: Future[Receipt] = Future()
        submission = Submission(
            model=model,
            conformed=conformed,
            labels=tuple(labels or ()),
            source=source,
            received=received,
            client=client,
            drops=dict(drops or {}),
            replays=tuple(replays),
            rows=rows,
            plain=plain,
            halves=halves,
            future=future,
        )
        if submission.malformed < 0:
            raise ValueError(f"received={received}, but {received - submission.malformed} rows are handed in")
        future.set_running_or_notify_cancel()
        self._put(submission)
        return future

    def submit_rows(self, model: str, rows: Sequence[Inference], answer: Answer, each: Callable[[int], Answer]) -> None:
        """Hand in plain rows (`monitor.schema.is_plain`) of a registered model, each of a request; returns at once.

        Args:
            model: a registered model.
            rows: of as many requests.
            answer: told what became of all of them, where that is one and the same.
            each: gives what is told of the row at a place, where it is not.

        Raises:
            Overloaded: the queue is full; nothing was taken, and the refusals are counted.
            Unavailable: capture is stopped; likewise.
        """
        self._put(
            Submission(
                model=model,
                conformed=None,
                labels=(),
                source="http",
                received=len(rows),
                client=None,
                drops={},
                rows=rows,
                plain=True,
                future=answer,
                each=each,
            )
        )

    def _put(self, submission: Submission) -> None:
        try:
            self._queue.put(submission)
        except Unavailable as error:
            self._refused(submission.model, error, submission.askers)
            raise

    def register_reference(self, model: str, version: str, batch: pa.Table, window: Window) -> None:
        """Keep a version's reference rows and their profile; the first reference also fixes the model's bins.

        Bins made without a reference, or before the schema gained a feature, are replaced, and the rows that are kept
        are profiled again.

        Args:
            model: a registered model.
            version: which version; it is registered if it is not yet.
            batch: canonical columns and ``_label``, as `monitor.schema.conform_reference` gives them.
            window: the time they span.

        Raises:
            NotFound: the model is not registered.
            DiskFull: the disk's reserve is reached.
        """
        self.disk.check(batch.nbytes)
        self._of(model).register_reference(version, batch, window)

    def flush(self) -> None:
        """Write profile pieces of everything that is durable now."""
        for model in self._store.catalog.models():
            self._of(model.name).flush()

    def thin(self) -> None:
        """Let all rows go now that their models do not keep; the flusher does the same in its own time."""
        for model in self._store.catalog.models():
            while self._of(model.name).thin(self._clock.now()):
                pass

    def roll_up(self, model: str) -> None:
        """Move profiles of closed days into days and let go what is too old; the flusher does it in its own time."""
        now = self._clock.now()
        self._store.profiles.compact(model, now)
        while self._store.profiles.roll_up(model, now):
            pass
        self._store.profiles.expire(model, now, *self._keep_days)

    def pieces(
        self,
        model: str,
        window: Window,
        *,
        columns: Sequence[str] | None = None,
        version: str | None = None,
        segment: str | None = None,
        hours: bool = False,
    ) -> pa.Table:
        """Return the profile pieces of the hours that begin in a window: every row answered for, each once.

        A closed day within the window is one piece a column, at midnight, unless ``hours`` are asked for.

        Raises:
            NotFound: the model is not registered.
            RuntimeError: called inside a transaction or snapshot of the store.
        """
        return self._of(model).pieces(window, columns=columns, version=version, segment=segment, hours=hours)

    def _of(self, model: str) -> Live:
        with self._opening:
            live = self._live.get(model)
            if live is None:
                self._store.catalog.model(model)
                live = self._live[model] = Live(self._store, model, self._flush_rows)
            return live

    def _commit_forever(self) -> None:
        patience = GATHER_SECONDS
        while group := self._queue.take(patience):
            patience = GLANCE_SECONDS if self._committer.commit(group) else GATHER_SECONDS
            self._unflushed += sum(submission.received for submission in group)
            if self._unflushed >= self._flush_rows:
                self._unflushed = 0
                self._flush_soon.set()

    def _flush_forever(self) -> None:
        while not self._stopping.is_set():
            self._flush_soon.wait(self._flush_seconds)
            self._flush_soon.clear()
            self._store.database.catch_up()
            with self._store.database.as_it_is():  # once a round: few large groups cost much less than many small ones
                self._flush_round()
            # Not within: what pends is to be in the tables first, and there is always more of it.
            self._expire(self._committer.expire_halves, "halves of exchanges")

    def _flush_round(self) -> None:
        try:
            models = self._store.catalog.models()
        except WatchglassError:
            _log.exception("the store cannot be read; profiles are written later")
            return
        for model in models:
            self._flush_one(model.name)
        self._keep_refusals()
        self._expire(self._store.letters.expire, "dead letters")

    def _keep_refusals(self) -> None:
        try:
            self.refusals.keep()
        except WatchglassError as error:
            _log.warning("refused requests could not be counted in the store; that is tried again: %s", error)

    def _expire(self, expire: Callable[[datetime], object], what: str) -> None:
        try:
            expire(self._clock.now())
        except WatchglassError as error:
            _log.warning("%s could not be removed at their time; that is tried again: %s", what, error)

    def _flush_one(self, model: str) -> None:
        try:
            self._of(model).flush()
            self._of(model).thin(self._clock.now())
            self._flushes[model] += 1
            if self._flushes[model] % _COMPACT_EVERY == 0:
                self.roll_up(model)
        except Exception:  # noqa: BLE001 - the flusher must outlive any one failure; nothing is lost by it
            _log.exception("profiles of %s could not be written; their rows are profiled later", model)


def _pending(store: Store) -> Pending | None:
    """Return what pends in the journal beside a store's file, brought in already; None where it has no file."""
    if store.database.path is None:
        return None
    pending = Pending(store, Journal(store.database.path))
    pending.recover()
    store.database.go_ahead(pending.bring_in)
    return pending


def _bring_in(store: Store, pending: Pending) -> None:
    """Bring rows into the tables in good time, though nobody asks for them."""
    while pending.wait():
        store.database.catch_up()
