"""Halves of exchanges over real HTTP: ``make bench BENCH=pairing``; prints one JSON line last.

KServe's logger is played by two senders: both events of every exchange, shuffled, some never sent and some twice. The
server is killed in between; an event that was not answered is sent again. What is stored is then compared with what
was sent: no row may hold the answer to another request, and exactly the exchanges that lack a side are unpaired.

Before that, how fast it goes: ``EVENTS`` events of requests and answers with 20 columns, shuffled, over ``CONNECTIONS``
connections (64), from a process of their own (`load`); each is durable when it is answered. What is then stored is
counted, and held against what was sent.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import urllib3

from tests.benchmarks.pairing_rate import rate
from tests.benchmarks.pairing_server import Server, answer_to

PAIRS, KILLS, WORKERS, SEED = 10_000, 3, 2, 20130501
EVENTS, CONNECTIONS = 20_000, 64
MISSING, REPEATED = 0.05, 0.02
SIDES = ("request", "response")
SCHEMA = {"task": "regression", "features": [{"name": "x", "kind": "numeric"}]}
_DEADLINE = 120.0
_HEADERS = {"ce-specversion": "1.0", "ce-source": "bench", "content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which events are sent, in order; and which exchanges lack which side."""

    events: tuple[tuple[int, str], ...]
    missing: dict[int, str]


def plan(pairs: int, seed: int = SEED) -> Plan:
    """Return both sides of each exchange, shuffled; a share without one side, a share told twice."""
    draw = random.Random(seed)
    missing = {number: draw.choice(SIDES) for number in draw.sample(range(pairs), round(MISSING * pairs))}
    events = [(number, side) for number in range(pairs) for side in SIDES if missing.get(number) != side]
    events += draw.sample(events, round(REPEATED * len(events)))
    draw.shuffle(events)
    return Plan(tuple(events), missing)


class Senders:
    """Threads that share the events; each sends one after another, again and again until it is answered 200."""

    def __init__(self, url: str, planned: Plan, workers: int) -> None:
        self._url, self._events = f"{url}/v1/models/m/collect/kserve", planned.events
        self._lock = Lock()
        self._next = 0
        self.done = self.attempts = 0
        self._threads = [Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=1, read=10))
        while (event := self._take()) is not None:
            number, side = event
            data = {"instances": [{"x": number}]} if side == "request" else {"predictions": [answer_to(number)]}
            kind = f"org.kubeflow.serving.inference.{side}"
            headers = _HEADERS | {"ce-id": f"e{number}", "ce-type": kind}
            while not self._sent(pool, json.dumps(data).encode(), headers):
                time.sleep(0.02)
            with self._lock:
                self.done += 1

    def _take(self) -> tuple[int, str] | None:
        with self._lock:
            self._next += 1
            return self._events[self._next - 1] if self._next <= len(self._events) else None

    def _sent(self, pool: urllib3.PoolManager, body: bytes, headers: dict[str, str]) -> bool:
        with self._lock:
            self.attempts += 1
        try:
            return pool.request("POST", self._url, body=body, headers=headers).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def wait(self, events: int) -> None:
        """Wait until so many were answered."""
        deadline = time.monotonic() + _DEADLINE
        while self.done < events:
            assert time.monotonic() < deadline, f"{self.done:,} events answered in {_DEADLINE:g} s"
            time.sleep(0.005)


def run(directory: Path, pairs: int, kills: int, workers: int = WORKERS) -> dict[str, float]:
    """Send everything, killing the server on the way, and return the figures."""
    planned, server = plan(pairs), Server(directory)
    try:
        server.ask("PUT", "/v1/models/m", json={"schema": SCHEMA, "owner": "bench"})
        begun = time.perf_counter()
        senders = Senders(server.url, planned, workers)
        for kill in range(kills):
            senders.wait(len(planned.events) * (kill + 1) // (kills + 1))
            server.kill()
            server.start()
        senders.wait(len(planned.events))
        seconds = time.perf_counter() - begun
        return compare(server, planned, pairs) | {
            "kills": kills,
            "events": len(planned.events),
            "attempts": senders.attempts,
            "events_per_s": round(len(planned.events) / seconds),
        }
    finally:
        server.stop()


def compare(server: Server, planned: Plan, pairs: int) -> dict[str, float]:
    """Hold what is stored against what was sent."""
    rows: list[dict[str, Any]] = []
    while len(rows) < (total := (page := _page(server, len(rows)))["total"]):
        rows += page["inferences"]
    assert len(rows) == total
    found = {int(row["id"].removeprefix("e").removesuffix(":0")): row for row in rows}
    false = [
        number
        for number, row in found.items()
        if (row["features"]["x"], row["prediction"]) != (number, answer_to(number))
    ]
    whole = set(range(pairs)) - planned.missing.keys()
    ledger = server.ask("GET", "/v1/ledger")
    there = {line["side"]: line["unpaired"] for line in ledger["halves"]}
    lacking = Counter("response" if side == "request" else "request" for side in planned.missing.values())
    verified = server.ask("GET", "/v1/verify")
    return {
        "pairs": pairs,
        "stored": len(rows),
        "false_pairs": len(false),
        "doubled": len(rows) - len(found),
        "lost": len(whole - found.keys()),
        "orphans": sum(there.values()),
        "orphans_wrong": sum(abs(there.get(side, 0) - lacking[side]) for side in SIDES) + len(found.keys() - whole),
        "verify_failed": sum(not check["ok"] for check in verified["checks"]),
    }


def _page(server: Server, offset: int) -> dict[str, Any]:
    page: dict[str, Any] = server.ask("GET", f"/v1/models/m/inferences?limit=5000&offset={offset}")
    return page


def main() -> None:
    """Run it, and print the figures."""
    begun = time.perf_counter()
    events, connections = int(os.environ.get("EVENTS", EVENTS)), int(os.environ.get("CONNECTIONS", CONNECTIONS))
    print(f"{events:,} events over {connections} connections", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory() as directory:
        figures = rate(Path(directory), events, connections, SEED)
    print(f"{PAIRS:,} exchanges, {WORKERS} senders, {KILLS} kills, seed {SEED}", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory() as directory:
        figures |= run(Path(directory), PAIRS, KILLS)
    seconds = round(time.perf_counter() - begun, 1)
    print(json.dumps({"bench": "pairing", "figures": figures, "seconds": seconds}))  # noqa: T201


if __name__ == "__main__":
    main()
