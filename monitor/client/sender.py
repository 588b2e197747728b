"""The client's thread: takes what is queued, makes JSON of it, and posts it until it is taken or given up."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Event, Thread
from urllib.parse import quote

# Imported here and not on the thread: a fork in the middle of an import would leave the child a locked module.
import msgspec
import urllib3

from monitor.client.encode import encode
from monitor.client.items import Item, Kind
from monitor.client.pace import Pace, UnderWay
from monitor.client.queue import Queue

BATCH_ROWS = 5_000
BATCH_BYTES = 2 * 2**20
LONGEST_WAIT = 30.0
"""Longest pause between two attempts, in seconds, unless the server asks for a longer one (at most a minute)."""
GIVE_UP = 600.0
"""How long one batch is tried before newer ones get their turn, in seconds."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507})


class Sender:
    """Posts the items of one queue to one server."""

    def __init__(
        self,
        url: str,
        queue: Queue,
        under_way: UnderWay,
        identity: str,
        *,
        source: str,
        api_key: str | None,
        interval: float,
        timeout: float,
    ) -> None:
        self.url = url.rstrip("/")
        self.queue = queue
        self.identity = identity
        self.interval = interval
        self.timeout = timeout
        self.last_error = ""
        self._source, self._key = source, api_key
        self._wake = Event()
        self._hurry = Event()
        self._deadline = float("inf")
        self._reported: Counter[tuple[str, Kind, str]] = Counter()
        self._report_after = 0.0
        self._pace = Pace(queue, under_way)
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=timeout)
        self._thread = Thread(target=self._run, name="watchglass-client", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Send what is queued now instead of at the next interval."""
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Send what can be sent within ``timeout`` seconds; what is left is counted as dropped."""
        self._deadline = time.monotonic() + timeout
        self._hurry.set()
        self._wake.set()
        self._thread.join(timeout + 0.05)

    def _run(self) -> None:
        while True:
            self._wake.wait(self.interval)
            self._wake.clear()
            last = self._hurry.is_set()  # asked first: whatever was queued before is then taken
            try:
                while items := self.queue.take(BATCH_ROWS, BATCH_BYTES):
                    try:
                        self._send(items)
                    finally:
                        self.queue.done(items)
                    if not last and self.queue.bytes < BATCH_BYTES:
                        break  # few and early: they wait for others to be sent with
                self._report_drops()
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever one batch does to it
                self.last_error = repr(error)
            if last:
                self._pool.clear()
                return

    def _send(self, items: list[Item]) -> None:
        groups: dict[tuple[str, Kind], list[Item]] = {}
        for item in items:
            groups.setdefault((item.model, item.kind), []).append(item)
        for (model, kind), group in groups.items():
            rows: list[bytes] = []
            size = 0
            for row in self._encoded(model, kind, group):
                rows.append(row)
                size += len(row)
                if size >= BATCH_BYTES or len(rows) == BATCH_ROWS:
                    self._deliver(model, kind, rows)
                    rows, size = [], 0
            if rows:
                self._deliver(model, kind, rows)

    def _encoded(self, model: str, kind: Kind, items: list[Item]) -> Iterator[bytes]:
        """Make the rows, in slices: the served model waits for the interpreter meanwhile."""
        self._pace.begin()
        for item in items:
            made = 0
            try:
                for row in item.build():
                    if row is not None:
                        body = encode(row)
                        made += 1
                        yield body
                    if not self._hurry.is_set():
                        self._pace.give_way()
                # Of an exchange, the rows were a guess until now.
                self.queue.count("logged", made - item.rows)
            except Exception as error:  # noqa: BLE001 - values of any library may raise anything; counted, not raised
                self.last_error = f"unserialisable: {error}"
                self.queue.drop(model, kind, "unserialisable", max(item.rows - made, 0))

    def _deliver(self, model: str, kind: Kind, rows: list[bytes]) -> None:
        """Post rows until the server takes or refuses them, or it has taken too long."""
        body = b"[" + b",".join(rows) + b"]"
        begun = time.monotonic()
        attempt = 0
        while True:
            status, headers, reply = self._post(model, kind, body)
            if 200 <= status < 300:
                self.queue.count("sent", len(rows))
                self.queue.count("rejected", _rejected(reply))
                return
            if status == 413 and len(rows) > 1:
                half = len(rows) // 2
                self._deliver(model, kind, rows[:half])
                self._deliver(model, kind, rows[half:])
                return
            if status and status not in _AGAIN:
                self.last_error = f"the server answered {status}: {reply[:300].decode(errors='replace')}"
                self.queue.drop(model, kind, "rejected_by_server", len(rows))
                return
            self.queue.count("retries")
            pause = max(min(0.1 * 2 ** min(attempt, 20), LONGEST_WAIT), _asked_pause(headers))
            attempt += 1
            if time.monotonic() + pause - begun > GIVE_UP:
                self.queue.drop(model, kind, "gave_up", len(rows))
                return
            if self._hurry.wait(pause) and (attempt > 1 or time.monotonic() >= self._deadline):
                self.queue.drop(model, kind, "closed", len(rows))
                return

    def _post(self, model: str, kind: Kind, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Return status (0: no answer), headers and body of the server's answer."""
        if not self._hurry.is_set():
            self._pace.begin()
        headers = {
            "content-type": "application/json",
            "watchglass-client": self.identity,
            "watchglass-source": self._source,
        }
        drops = {key: rows for key, rows in self.queue.dropped.copy().items() if key[:2] == (model, kind)}
        if drops:
            headers["watchglass-dropped"] = ",".join(f"{key[2]}={rows}" for key, rows in sorted(drops.items()))
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        left = max(min(self.timeout, self._deadline - time.monotonic()), 0.05)
        address = f"{self.url}/v1/models/{quote(model, safe='')}/{kind}"
        try:
            reply = self._pool.request("POST", address, body=body, headers=headers, timeout=left, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            self.last_error = f"{address}: {error}"
            return 0, {}, b""
        if 200 <= reply.status < 300:
            self._reported.update({key: rows - self._reported[key] for key, rows in drops.items()})
        return reply.status, reply.headers, reply.data

    def _report_drops(self) -> None:
        """Tell the server of drops that no batch has told it of, with an empty one; seldom, as it may not listen."""
        unknown = {key[:2] for key, rows in self.queue.dropped.copy().items() if rows != self._reported[key]}
        if unknown and (self._hurry.is_set() or time.monotonic() >= self._report_after):
            self._report_after = time.monotonic() + LONGEST_WAIT
            for model, kind in unknown:
                self._post(model, kind, b"[]")


def _rejected(reply: bytes) -> int:
    try:
        return int(msgspec.json.decode(reply).get("rejected", 0))
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError):
        return 0


def _asked_pause(headers: Mapping[str, str]) -> float:
    """Return the pause the server asks for in ``Retry-After``, in seconds, at most a minute."""
    try:
        return min(max(float(headers.get("retry-after", 0)), 0.0), 60.0)
    except ValueError:
        return 0.0  # a date: our own pause will do
