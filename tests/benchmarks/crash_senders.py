"""Processes that send events to a server that dies again and again, until each was acknowledged."""

import json
import multiprocessing
import random
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import urllib3

from tests.benchmarks.crash_journal import Event, Journal

SIZES = (1, 3, 20, 120)
LABELLED = 4
"""One request in so many is followed by the truths of its rows."""

CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Shared:
    """What senders and the supervisor tell each other.

    Attributes:
        allowed: how many events each sender may have sent by now; beyond, it repeats old ones.
        newest: when the newest acknowledged request was begun, by ``time.monotonic()``, over all senders.
        done: how many senders have everything acknowledged.
        over: nonzero: give up.
    """

    allowed: "Synchronized[int]"
    newest: "Synchronized[float]"
    done: "Synchronized[int]"
    over: "Synchronized[int]"

    @classmethod
    def make(cls) -> "Shared":
        """Return fresh ones."""
        value = CONTEXT.Value
        return cls(value("q", 0), value("d", 0.0), value("q", 0), value("q", 0))


def start(url: str, journals: list[Path], events: int, seed: int, shared: Shared) -> list[BaseProcess]:
    """Start one sender a journal; together they send ``events`` events."""
    share = events // len(journals)
    processes: list[BaseProcess] = []
    for place, path in enumerate(journals):
        process = CONTEXT.Process(
            target=send, args=(url, place, path, share, seed + place, shared), daemon=True, name=f"sender-{place}"
        )
        process.start()
        processes.append(process)
    return processes


def send(url: str, place: int, path: Path, events: int, seed: int, shared: Shared) -> None:
    """Send ``events`` events in requests of mixed sizes, each again and again until it is acknowledged."""
    chance = random.Random(seed)
    sender = _Sender(url, Journal(path), shared)
    number = sent = 0
    last: tuple[str, list[Event]] | None = None
    while sent < events and not shared.over.value:
        if sent >= shared.allowed.value and last is not None:
            sender.post(*last)  # sent before: must not be stored again
            continue
        size = min(chance.choice(SIZES), events - sent)
        rows = [event(f"s{place}-{sent + step}", chance) for step in range(size)]
        sender.deliver(number, "inferences", rows)
        last = ("inferences", rows)
        sent, number = sent + size, number + 1
        if number % LABELLED == 0 and sent < events:
            labels: list[Event] = [{"id": row["id"], "value": chance.choice(("no", "yes"))} for row in rows]
            labels = labels[: events - sent]
            sender.deliver(number, "labels", labels)
            sent, number = sent + len(labels), number + 1
    with shared.done.get_lock():
        shared.done.value += 1


def event(name: str, chance: random.Random) -> Event:
    """Return an event with an id of its own."""
    return {"id": name, "x": chance.gauss(0, 9), "carrier": chance.choice("ABCD"), "score": chance.random()}


def wire(kind: str, said: Event) -> Event:
    """Return an event as it is sent."""
    if kind == "labels":
        return said
    features = {"x": said["x"], "carrier": said["carrier"]}
    return {"id": said["id"], "time": "2013-06-01T10:00:00Z", "features": features, "scores": [said["score"]]}


class _Sender:
    def __init__(self, url: str, journal: Journal, shared: Shared) -> None:
        self._url = f"{url}/v1/models/m"
        self._journal = journal
        self._shared = shared
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=1, read=15))

    def deliver(self, number: int, kind: str, events: list[Event]) -> None:
        self._journal.sending(number, kind, events)
        while not self._shared.over.value:
            if self.post(kind, events):
                self._journal.acknowledged(number)
                return

    def post(self, kind: str, events: list[Event]) -> bool:
        """Send once; a 200 must speak of every event as stored, now or before."""
        body = json.dumps([wire(kind, each) for each in events])
        begun = time.monotonic()
        try:
            answer = self._pool.request(
                "POST", f"{self._url}/{kind}", body=body, headers={"content-type": "application/json"}
            )
        except urllib3.exceptions.HTTPError:
            time.sleep(0.02)
            return False
        if answer.status != 200:
            if answer.status not in (429, 503, 507):
                raise RuntimeError(f"the server answered {answer.status}: {answer.data[:500]!r}")
            time.sleep(float(answer.headers.get("retry-after", 1)))
            return False
        receipt = answer.json()
        if receipt["stored"] + receipt["duplicate"] != len(events):
            raise RuntimeError(f"{len(events)} {kind} were answered {receipt}")
        with self._shared.newest.get_lock():
            self._shared.newest.value = max(self._shared.newest.value, begun)
        return True
