"""Ingest: submissions in, durable rows out, and profiles that always agree with them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread

from monitor.clock import Clock
from monitor.errors import DiskFull, Overloaded, Unavailable, WatchglassError
from monitor.ingest.arrivals import Arrival
from monitor.ingest.bringer import Bringer
from monitor.ingest.committer import Committer
from monitor.ingest.flusher import Flusher
from monitor.ingest.profiling import Profiling
from monitor.ingest.queue import GATHER_SECONDS, GLANCE_SECONDS, Queue
from monitor.ingest.receipts import Answer, Receipt, Submission
from monitor.ingest.refusals import DISK_FULL, QUEUE_FULL, STOPPED, Refusals
from monitor.schema import Conformed
from monitor.store import Disk, Store
from monitor.store.days import KEEP_DAILY, KEEP_HOURLY
from monitor.types import Inference, Label

_log = logging.getLogger(__name__)


class Ingest(Profiling):
    """The way into the store; see `Profiling` for the profiles.

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
        keep_days = (keep_hourly_days, keep_daily_days)
        super().__init__(store, clock, disk or Disk(None), flush_rows=flush_rows, keep_days=keep_days)
        self._queue = Queue(max_bytes)
        self.refusals = Refusals(store)
        self._bringer = Bringer.of(store) if journal else None
        self._pending = self._bringer.pending if self._bringer is not None else None
        self._committer = Committer(store, clock, self.disk, self.refusals, self._pending)
        self._flusher = Flusher(
            store,
            clock,
            self,
            seconds=flush_seconds,
            upkeep=(
                ("counting refused requests in the store", lambda _: self.refusals.keep()),
                ("removing dead letters at their time", store.letters.expire),
                ("removing halves of exchanges at their time", self._committer.expire_halves),
            ),
        )
        self._committing: Thread | None = None
        self._unflushed = 0

    def start(self) -> None:
        """Take submissions from now on, and profile what was committed but not profiled before the last stop."""
        self._queue.open()
        self._committing = Thread(target=self._commit_forever, name="watchglass-committer", daemon=True)
        if self._bringer is not None:
            self._bringer.start()
        self._committing.start()
        self._flusher.start()

    def stop(self) -> None:
        """Take no more, commit and answer what waits, and write the profile pieces."""
        self._queue.close()
        self._flusher.stop()
        if self._committing is None:
            return
        self._committing.join()
        self._committing = None
        if self._bringer is not None:
            self._bringer.stop()
        try:
            self.refusals.keep()
        except WatchglassError as error:
            _log.warning("refused requests could not be counted in the store: %s", error)
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

    def _commit_forever(self) -> None:
        patience = GATHER_SECONDS
        while group := self._queue.take(patience):
            patience = GLANCE_SECONDS if self._committer.commit(group) else GATHER_SECONDS
            self._unflushed += sum(submission.received for submission in group)
            if self._unflushed >= self._flush_rows:
                self._unflushed = 0
                self._flusher.soon()
