"""Open-loop senders: requests leave by the clock, whether or not the ones before were answered; each is counted."""

import asyncio
import json
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue as Results
from urllib.parse import urlsplit

from monitor.client import Client

ROWS = 500
"""Rows of one request."""

CONNECTIONS = 500
"""Requests that one sender has under way at most; what comes beyond, it drops itself and counts."""

ANSWER_SECONDS = 30.0
REFUSED = (429, 503, 507)
CONTEXT = multiprocessing.get_context("spawn")
_MARK = "@@@@@@@@"


@dataclass(slots=True)
class Fates:
    """What one sender knows of its requests.

    Attributes:
        sent: requests that the clock asked for.
        stored: answered 200.
        refused: told to come again, and not sent again.
        dropped: never sent: too many were under way.
        unknown: not answered at first; sent again afterwards until they were.
        refusals: answers 429, 503 and 507 in all, those to repeats included.
        silent: refusals without Retry-After.
    """

    sent: int = 0
    stored: int = 0
    refused: int = 0
    dropped: int = 0
    unknown: int = 0
    refusals: int = 0
    silent: int = 0


def template(name: str) -> bytes:
    """Return a body of `ROWS` rows, with a mark in each id where the request's number goes."""
    rows = [
        {
            "id": f"{name}-{_MARK}-{row}",
            "time": "2013-06-01T10:00:00Z",
            "features": {"x": row / 7, "carrier": "ABCD"[row % 4]},
            "scores": [row / ROWS],
        }
        for row in range(ROWS)
    ]
    return json.dumps(rows).encode()


class Sender:
    """Sends numbered requests to one model."""

    def __init__(self, url: str, model: str, name: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._body = template(name)
        self._head = (
            f"POST /v1/models/{model}/inferences HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(self._body)}\r\n\r\n"
        ).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.fates = Fates()

    async def ask(self, number: int) -> int:
        """Send one request; return its status, 0 where no answer came."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = self._idle.pop() if self._idle else await self._connect()
                writer.write(self._head + self._body.replace(_MARK.encode(), b"%08d" % number))
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
        except (OSError, EOFError, TimeoutError):
            return 0
        self._idle.append((reader, writer))
        status = int(head.split()[1])
        if status in REFUSED:
            self.fates.refusals += 1
            self.fates.silent += b"\r\nretry-after:" not in head
        elif status != 200:
            raise RuntimeError(f"the server answered {status}: {body[:500]!r}")
        return status

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port)

    async def flood(self, per_second: float, seconds: float) -> Fates:
        """Send ``per_second`` requests a second by the clock, then settle what is unknown."""
        waiting: set[asyncio.Task[None]] = set()
        unknown: list[int] = []
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            for number in range(self.fates.sent, int(passed * per_second)):
                self.fates.sent += 1
                if len(waiting) >= CONNECTIONS:
                    self.fates.dropped += 1
                else:
                    task = asyncio.create_task(self._once(number, unknown))
                    waiting.add(task)
                    task.add_done_callback(waiting.discard)
            await asyncio.sleep(0.005)
        await asyncio.gather(*waiting)
        self.fates.unknown = len(unknown)
        for number in unknown:
            await self._settle(number)
        return self.fates

    async def _settle(self, number: int) -> None:
        status = 0
        while status != 200:
            status = await self.ask(number)
            await asyncio.sleep(0 if status == 200 else 0.5)
        self.fates.stored += 1

    async def _once(self, number: int, unknown: list[int]) -> None:
        status = await self.ask(number)
        if status == 0:
            unknown.append(number)
        elif status == 200:
            self.fates.stored += 1
        else:
            self.fates.refused += 1

    async def as_fast_as_answered(self, seconds: float, connections: int) -> float:
        """Return how many requests a second are stored when each connection waits for its answer."""
        begun = time.monotonic()
        numbers = iter(range(10**8))

        async def one() -> int:
            done = 0
            while time.monotonic() - begun < seconds:
                done += await self.ask(next(numbers)) == 200
            return done

        done = sum(await asyncio.gather(*(one() for _ in range(connections))))
        return done / (time.monotonic() - begun)


def flood(url: str, model: str, name: str, per_second: float, seconds: float, results: "Results[Fates]") -> None:
    """Be one sending process."""
    results.put(asyncio.run(Sender(url, model, name).flood(per_second, seconds)))


def log(url: str, model: str, per_second: float, seconds: float, results: "Results[dict[str, int]]") -> None:
    """Be a serving process with our client, that logs ``per_second`` batches of `ROWS` rows a second."""
    client = Client(url, model, max_bytes=4 * 2**20)
    inputs = {"x": [row / 7 for row in range(ROWS)], "carrier": ["ABCD"[row % 4] for row in range(ROWS)]}
    scores = {"scores": [row / ROWS for row in range(ROWS)]}
    begun = time.monotonic()
    batches = 0
    while (passed := time.monotonic() - begun) < seconds:
        for _ in range(batches, int(passed * per_second)):
            client.log(inputs, scores)
            batches += 1
        time.sleep(0.005)
    client.flush(120)
    client.close(30)
    results.put({"logged": batches * ROWS, **client.stats()["dropped"]})
