"""The client a serving process holds: it logs, watches and labels, and is never noticed."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import uuid4

from monitor.client.arguments import check_rows, moments_of, rows_in
from monitor.client.ending import EXIT_SECONDS, register
from monitor.client.items import Item, Kind, LoggedLabels, LoggedRows, new_identity
from monitor.client.pace import UnderWay
from monitor.client.queue import Queue
from monitor.client.sender import Sender
from monitor.client.snapshot import Snapshot, plain, take_inputs, take_outputs
from monitor.client.watch import watched

F = TypeVar("F", bound=Callable[..., Any])
_COUNTS = ("logged", "sent", "rejected", "retries", "errors", "error_responses", "unfinished")


class Client:
    """Captures predictions of one version of one model and sends them to Watchglass.

    No method raises into the caller, waits for the network or grows without bound; what is lost is counted by reason
    (`stats`) and told to the server: ``queue_full``, ``rejected_by_server``, ``unserialisable``, ``gave_up`` (the
    server could not be reached for ten minutes), ``closed`` (left over at the end), ``unfinished`` (not answered then).

    Args:
        url: the address of Watchglass, such as ``http://127.0.0.1:8080``.
        model: the model's registered name.
        version: the version that is served.
        api_key: sent as a bearer token, if given.
        max_bytes: about how much may wait to be sent.
        flush_interval: how long a prediction waits for others to be sent with, in seconds.
        timeout: how long one attempt to send may take, in seconds.
        features: the names of the columns of 2-D arrays; ``input-0``, ``input-1``, … if not given.
        source: what the server's ledger calls these rows' way.

    >>> client = Client("http://127.0.0.1:1", "flights", version="2")
    >>> client.log({"temp": [20.5], "carrier": ["AA"]}, {"scores": [0.8]}, ids=["2013-05-01-AA-12"])
    >>> client.stats()["logged"]
    1
    >>> client.close(timeout=0)
    """

    under_way: UnderWay
    """The predictions being made just now, during which this client's thread does little."""
    _queue: Queue
    _sender: Sender | None

    def __init__(
        self,
        url: str,
        model: str,
        version: str = "1",
        api_key: str | None = None,
        *,
        max_bytes: int = 16 * 2**20,
        flush_interval: float = 0.2,
        timeout: float = 5,
        features: Sequence[str] | None = None,
        source: str = "client",
    ) -> None:
        self.url, self.model, self.version = url, model, str(version)
        self._key, self._max_bytes, self._interval, self._timeout = api_key, max_bytes, flush_interval, timeout
        self._features, self._source = features, source
        self._closed = False
        self.begin_anew()
        register(self)

    def log(
        self,
        inputs: Any,
        outputs: Any,
        ids: str | Iterable[object] | None = None,
        times: object = None,
        latency_ms: float | None = None,
        *,
        device: str | None = None,
        device_ms: float | None = None,
        memory_mb: float | None = None,
    ) -> None:
        """Capture one prediction or one batch of them.

        Args:
            inputs: what the model was given: a mapping of column to values, a list of records, a data frame, or a 2-D
                array (see ``features``). A mapping of column to single values is one row.
            outputs: what it answered: ``{"scores": …, "prediction": …}`` (either is enough), or an array: floats are
                scores, one or several a row; texts and integers are predictions.
            ids: the rows' ids, by which labels find them; made if not given, and then nothing can label them.
            times: when each was asked, aware (naive is UTC), or one for all; now if not given.
            latency_ms: how long the model took, in milliseconds.
            device: what computed it, such as ``cuda:0``.
            device_ms: how long the device computed, in milliseconds.
            memory_mb: the most device memory in use meanwhile, in MiB.
        """
        taken = self.snapshot(inputs)
        if taken is not None:
            ran = {"device": device, "device_ms": device_ms, "memory_mb": memory_mb}
            self.capture(taken, outputs, ids, times, latency_ms, ran)

    def snapshot(self, inputs: Any) -> Snapshot | None:
        """Copy inputs for `capture`; None if they cannot be, which is counted."""
        try:
            return take_inputs(inputs, self._features)
        except Exception as error:  # noqa: BLE001 - the served model must not notice; counted
            self.lost("unserialisable", rows_in(inputs), error)
            return None

    def capture(
        self,
        taken: Snapshot,
        outputs: Any,
        ids: Any,
        times: Any,
        latency_ms: float | None,
        ran: Mapping[str, str | float | None] = MappingProxyType({}),
    ) -> None:
        """Queue copied inputs with what was answered; arguments as for `log`, ``ran`` is what the device did."""
        try:
            answered = take_outputs(outputs)
            rows = taken.rows
            named = None if ids is None else [ids] if isinstance(ids, str) else list(ids)
            moments = moments_of(times, rows)
            check_rows(rows, outputs=answered.rows, ids=named, times=moments)
            size = taken.size + answered.size + 120 * rows
            item = LoggedRows(
                self.model, self.version, taken, answered, named, moments, latency_ms, new_identity(),
                datetime.now(UTC), rows, size, {name: value for name, value in ran.items() if value is not None},
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - the served model must not notice; counted
            self.lost("unserialisable", taken.rows, error)
            return
        self.put(item)

    def label(self, ids: str | Iterable[object], values: Any, times: object = None) -> None:
        """Report the truth of earlier predictions, by their ids; it may come late, and again when it changes."""
        try:
            named: list[object] = [ids] if isinstance(ids, str) else list(ids)
            truths = take_outputs(values)
            listed = list(plain(truths.matrix))
            moments = moments_of(times, len(named))
            check_rows(len(named), values=listed, times=moments)
            item = LoggedLabels(self.model, named, listed, moments, len(named), truths.size + 120 * len(named))
        except Exception as error:  # noqa: BLE001 - the caller must not notice; counted
            self.lost("unserialisable", rows_in(ids), error, "labels")
            return
        self.put(item)

    def watch(self, function: F | None = None, *, ids: Callable[[Any], Iterable[object]] | None = None) -> Any:
        """Decorate a predict function, plain or async: what goes in and comes out is captured, and passed on unchanged.

        Inputs are the first argument (after ``self``), outputs the returned value; latency is measured. Exceptions
        pass, and are counted as ``errors``.

        Args:
            function: the function; left out to give ``ids``: ``@client.watch(ids=lambda rows: rows["id"])``.
            ids: makes the rows' ids of the first argument.
        """
        return watched(self, function, ids) if function is not None else functools.partial(self.watch, ids=ids)

    def put(self, item: Item) -> None:
        """Queue something captured, or count it as dropped."""
        if self._closed:
            self.lost("closed", item.rows, "the client was closed", item.kind, item.model)
            return
        if not self._queue.put(item):
            return
        if self._sender is None:
            self._start()
        elif self._queue.bytes > self._max_bytes // 4:
            self._sender.wake()

    def count(self, what: str) -> None:
        """Count something that happened in the served process, such as ``errors``."""
        self._queue.count(what)

    def flush(self, timeout: float = 5) -> bool:
        """Wait until everything captured so far is sent or dropped; returns whether that came true in ``timeout`` s."""
        if self._sender is not None:
            self._sender.wake()
        return self._queue.wait(timeout)

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Send what can still be sent within ``timeout`` seconds; then nothing more is captured."""
        if self._closed:  # the end of the process closes once more, and must not wait as long again
            return
        self.under_way.end()
        self._closed = True
        if self._sender is not None:
            self._sender.close(timeout)
        for item in (left := self._queue.take(1 << 60, 1 << 60)):
            self._queue.drop(item.model, item.kind, "closed", item.rows)
        self._queue.done(left)

    def stats(self) -> dict[str, Any]:
        """Return counts of rows since the start of this process: logged, sent, rejected, dropped by reason, queued.

        ``errors`` counts predictions that raised, ``error_responses`` answers with a status other than 2xx, and
        ``unfinished`` those that were cut short.
        """
        dropped: dict[str, int] = {}
        for (_, _, reason), rows in self._queue.dropped.copy().items():
            dropped[reason] = dropped.get(reason, 0) + rows
        counts = self._queue.counts.copy()
        return {
            "client": self.identity,
            **{name: counts[name] for name in _COUNTS},
            "dropped": dropped,
            "queued": self._queue.rows,
            "queued_bytes": self._queue.bytes,
            "last_error": self._last_error or (self._sender.last_error if self._sender is not None else ""),
        }

    def lost(self, reason: str, rows: int, error: object, kind: Kind = "inferences", model: str | None = None) -> None:
        """Count rows that were seen but cannot be sent, with the reason."""
        self._last_error = f"{reason}: {error}"
        self._queue.count("logged", rows)
        self._queue.drop(model or self.model, kind, reason, rows)

    def _start(self) -> None:
        with self._starting:
            if self._sender is not None:  # another thread was first
                return
            try:
                self._sender = Sender(
                    self.url,
                    self._queue,
                    self.under_way,
                    self.identity,
                    source=self._source,
                    api_key=self._key,
                    interval=self._interval,
                    timeout=self._timeout,
                )
            except RuntimeError as error:  # no thread can be started, as at exit: the queue bounds what waits
                self._last_error = str(error)

    def begin_anew(self) -> None:
        """Begin anew, as in a forked child: the parent sends what it captured."""
        self.identity = uuid4().hex
        self._last_error = ""
        self._queue = Queue(self._max_bytes)
        self._sender = None
        self._starting = Lock()
        self.under_way = UnderWay()
