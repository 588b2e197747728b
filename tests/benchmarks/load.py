"""A load generator that is not the limit: raw sockets, one process of its own, requests made before they are needed.

    python -m tests.benchmarks.load --port 8080 --seconds 5 --connections 64 < requests

On standard input comes one request a line in base64: with ``@@@@@@@@@@@@`` in it, it is a pattern sent over and over
with a number in that place; without, it is sent once. Prints one JSON object. ``cpu_share`` is the share of its time in
which this process was busy: what is left to 1 is its headroom.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httptools
import uvloop

MARK = b"@" * 12


def post(path: str, body: bytes, media: str, headers: str = "") -> bytes:
    """Return the bytes of one POST on a connection that is kept."""
    named = f"Host: 127.0.0.1\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n{headers}"
    return f"POST {path} HTTP/1.1\r\n{named}\r\n".encode() + body


def requests(lines: list[bytes], first: int) -> Iterator[bytes]:
    """Yield requests: a pattern for ever, numbered from ``first``; others once each."""
    given = [base64.b64decode(line) for line in lines]
    if len(given) > 1 or MARK not in given[0]:
        yield from given
        return
    before, _, after = given[0].partition(MARK)
    number = first
    while True:
        yield b"%b%012d%b" % (before, number, after)
        number += 1


class Tally:
    """What came of all connections; ``refused`` requests (429, 503) are sent again after the time they were told."""

    def __init__(self, source: Iterator[bytes], until: float) -> None:
        self.source, self.until = source, until
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.open = 0
        self.done = asyncio.Event()

    def next(self) -> bytes | None:
        """Return the next request, None at the end."""
        return None if time.perf_counter() >= self.until else next(self.source, None)


class Connection(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last is complete."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.parser = httptools.HttpResponseParser(self)
        self.again = 1.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.tally.open += 1
        self._ask(self.tally.next())

    def _ask(self, request: bytes | None) -> None:
        if request is None:
            self.transport.close()
            return
        self.request = request
        self.begun = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self.again = float(value)

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.tally.statuses[status] += 1
        self.parser = httptools.HttpResponseParser(self)
        if status in {429, 503}:
            asyncio.get_running_loop().call_later(self.again, self._ask, self.request)
            return
        self.tally.latencies.append(time.perf_counter() - self.begun)
        self._ask(self.tally.next())

    def connection_lost(self, _: Exception | None) -> None:
        self.tally.open -= 1
        if not self.tally.open:
            self.tally.done.set()


async def drive(port: int, source: Iterator[bytes], seconds: float, connections: int) -> dict[str, Any]:
    """Send until the time is over or nothing is left, and return the figures."""
    begun, busy = time.perf_counter(), time.process_time()
    tally = Tally(source, begun + seconds)
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(loop.create_connection(lambda: Connection(tally), "127.0.0.1", port) for _ in range(connections))
    )
    await tally.done.wait()
    spent = time.perf_counter() - begun
    ordered = sorted(tally.latencies) or [0.0]
    return {
        "answered": tally.statuses[200],
        "statuses": dict(tally.statuses),
        "seconds": spent,
        "cpu_share": (time.process_time() - busy) / spent,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
    }


def main() -> None:
    """Read the requests, send them, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--first", type=int, default=0, help="the first number put into a pattern")
    options = parser.parse_args()
    source = requests(sys.stdin.buffer.read().splitlines(), options.first)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(drive(options.port, source, options.seconds, options.connections))
    print(json.dumps(found))  # noqa: T201 - read by whoever started it


if __name__ == "__main__":
    main()
