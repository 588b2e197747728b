"""Ask a served model at times that do not wait for its answers, and keep how long each took and what it was.

python -m tests.benchmarks.overhead_load --port P --rate 200 --requests 1000 --begin a < request

A latency counts from the moment a request was due, so that a stall shows in all the requests it holds up. Prints one
JSON object: latencies in ms, how many failed, and the SHA-256 of each answer's bytes, head and body.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import random
import sys
import time
from collections import deque
from typing import Any

import httptools
import uvloop

from tests.benchmarks.load import MARK

MOST = 256
PATIENCE_SECONDS = 60.0
"""How long the last answers may take; a server that hangs fails the run instead of holding it up."""


class Asker(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.number = -1

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, number: int, body: bytes) -> None:
        """Send a request."""
        self.number = number
        self.received = b""
        self.parser = httptools.HttpResponseParser(self)
        self.transport.write(body)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        number, self.number = self.number, -1
        self.run.answered(self, number, self.parser.get_status_code(), self.received)

    def connection_lost(self, _: Exception | None) -> None:
        if self.number >= 0:
            self.run.answered(self, self.number, 0, b"")


class Run:
    """A schedule of requests over as many connections as it takes."""

    def __init__(self, port: int, pattern: bytes, due: list[float], begin: str) -> None:
        self.port, self.due = port, due
        self.before, _, self.after = pattern.partition(MARK)
        self.begin = f"{begin:->3.3}"  # with the number, as long as the mark it replaces
        self.latencies = [0.0] * len(due)
        self.digests = [""] * len(due)
        self.failed = 0
        self.left = len(due)
        self.idle: list[Asker] = []
        self.waiting: deque[int] = deque()
        self.connections = 0
        self.over = asyncio.Event()

    def answered(self, asker: Asker, number: int, status: int, received: bytes) -> None:
        """Note an answer, and let the connection ask the next that waits."""
        self.latencies[number] = (time.perf_counter() - self.started - self.due[number]) * 1e3
        self.digests[number] = hashlib.sha256(received).hexdigest()[:16]
        self.failed += status != 200
        self.left -= 1
        if not self.left:
            self.over.set()
        elif status:
            self._free(asker)

    def _free(self, asker: Asker) -> None:
        if self.waiting:
            self._send(asker, self.waiting.popleft())
        else:
            self.idle.append(asker)

    def _send(self, asker: Asker, number: int) -> None:
        asker.ask(number, b"%b%b%09d%b" % (self.before, self.begin.encode(), number, self.after))

    async def _connect(self) -> None:
        self.connections += 1
        _, asker = await asyncio.get_running_loop().create_connection(lambda: Asker(self), "127.0.0.1", self.port)
        self._free(asker)

    async def drive(self, connections: int) -> None:
        """Send everything when it is due and wait for all answers."""
        for _ in range(connections):
            await self._connect()
        self.started = time.perf_counter()
        opening = set()
        for number, due in enumerate(self.due):
            wait = self.started + due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            if self.idle:
                self._send(self.idle.pop(), number)
                continue
            self.waiting.append(number)
            if self.connections < MOST:
                opening.add(asyncio.create_task(self._connect()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.over.wait()
        await asyncio.gather(*opening)


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--begin", default="aaa", help="three characters that begin each id")
    options = parser.parse_args()
    chance = random.Random(5)
    due = list(itertools.accumulate(chance.expovariate(options.rate) for _ in range(options.requests)))
    pattern = sys.stdin.buffer.read()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def run() -> Run:
            found = Run(options.port, pattern, due, options.begin)
            await found.drive(8)
            return found

        found = runner.run(run())
    line = {"latencies": found.latencies, "failed": found.failed, "digests": found.digests}
    print(json.dumps(line))  # noqa: T201 - read by whoever started it


if __name__ == "__main__":
    main()
