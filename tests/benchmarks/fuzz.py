"""Whatever is sent, no 5xx and no stopped process: ``make bench BENCH=fuzz``; prints one JSON line last.

The sixty bad inputs and seeded mutations of good requests go to a real server over HTTP, to every route that captures.
Then every row must have one fate, and the receipts must add up to what the ledger says. ``PAYLOADS=dir`` mutates a
folder of recordings beside our own; ``MUTATIONS=n`` and ``SEED=n`` change how many and which.
"""

import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.fuzz_cases import CASES, try_case
from tests.benchmarks.fuzz_mutations import mutated
from tests.benchmarks.fuzz_seeds import Seed, own, recorded
from tests.benchmarks.fuzz_server import Answer, Server, exchange

MUTATIONS = 20_000
SEED = 3
SENDERS = 4
MODEL = "fuzzed"
EXPECTED = frozenset({200, 400, 413, 415, 422})
SETTINGS = {"BODY_TIMEOUT_S": "3"}
_FATES = ("received", "stored", "duplicate", "rejected", "dropped")
_TRIES = 20


def say(what: str) -> None:
    """Tell how it goes."""
    sys.stderr.write(f"{what}\n")


@dataclass(slots=True)
class Outcome:
    """What came of it all. ``notes`` are about what should not have been, the first of each sort."""

    cases: int = 0
    mutations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: int = 0
    exits: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def errors(self) -> int:
        """How many answers were a 5xx."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    def add(self, name: str, answer: Answer) -> None:
        """Count one answer to a mutation."""
        with self.lock:
            self.mutations += 1
            self.statuses[answer.status] += 1
            if answer.status not in EXPECTED:
                self.unexpected += 1
                self.note(f"{name}: {answer.status} {str(answer.body)[:300]}")
            if answer.status == 200:
                self.fates.update({fate: answer[fate] for fate in _FATES})

    def note(self, what: str) -> None:
        """Keep and show what should not have been."""
        if len(self.notes) < 50:
            self.notes.append(what)
            say(what)

    def figures(self) -> dict[str, int]:
        """Return the figures of the bench."""
        return {
            "cases": self.cases,
            "mutations": self.mutations,
            "unexpected_status": self.unexpected,
            "server_errors": self.errors,
            "process_exits": self.exits,
        }


def try_cases(server: Server, outcome: Outcome) -> None:
    """Try the sixty; one whose answer or effect is another counts as unexpected."""
    for number in sorted(CASES):
        outcome.cases += 1
        try:
            try_case(server, number)
        except (AssertionError, OSError, KeyError, TypeError, ValueError, http.client.HTTPException) as error:
            outcome.unexpected += 1
            outcome.note(f"case {number}, {CASES[number].behaviour}: {error!r}")
        outcome.exits += not server.alive


class Sender(threading.Thread):
    """Sends every ``step``-th mutation on one connection, as long as the server leaves it open."""

    def __init__(self, server: Server, outcome: Outcome, seeds: Sequence[Seed], numbers: range, seed: int) -> None:
        super().__init__(daemon=True)
        self._server, self._outcome, self._seeds, self._numbers, self._seed = server, outcome, seeds, numbers, seed
        self._paths = sorted({seed.path for seed in seeds})
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def run(self) -> None:
        """Send until done, or until the server is gone."""
        for number in self._numbers:
            if not self._server.alive:
                return
            draw = random.Random(f"{self._seed} {number}")
            path = draw.choice(self._paths)  # every route as often, however many seeds it has
            request = mutated(draw.choice([seed for seed in self._seeds if seed.path == path]), self._seeds, draw)
            self._outcome.add(f"mutation {number} of {request.path}", self._send(request))
        self._connection.close()

    def _send(self, request: Seed) -> Answer:
        """Send one request; 0 stands for no answer, and one that is told to come again does so."""
        answer = Answer(0, "no answer")
        for _ in range(_TRIES):
            try:
                path = f"/v1/models/{MODEL}/{request.path}"
                answer = exchange(self._connection, "POST", path, request.body, request.headers)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()  # the next request opens another
                answer = Answer(0, repr(error))
                if not isinstance(error, http.client.RemoteDisconnected):
                    return answer
            else:
                if answer.status != 429:
                    return answer
                time.sleep(1)
        return answer


def mutate(server: Server, outcome: Outcome, seeds: Sequence[Seed], mutations: int, seed: int) -> None:
    """Send mutations of ``seeds`` on several connections."""
    server.register(MODEL)
    senders = [Sender(server, outcome, seeds, range(place, mutations, SENDERS), seed) for place in range(SENDERS)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        for sender in senders:
            sender.join(10 / SENDERS)
        say(f"{outcome.mutations:,} mutations, {outcome.unexpected} unexpected")
    outcome.exits += not server.alive


def settle(server: Server, outcome: Outcome) -> None:
    """Hold the receipts against the ledger, and the ledger against the rows; what differs counts as unexpected."""
    if not server.alive:
        outcome.note(f"the server is gone: {server.log()}")
        return
    server.ask("POST", "/v1/flush")
    for check in server.ask("GET", "/v1/verify", timeout=120)["checks"]:
        if not check["ok"]:
            outcome.unexpected += 1
            outcome.note(f"verify: {check}")
    lines = server.ask("GET", f"/v1/ledger?model={MODEL}")["lines"]
    told = {fate: outcome.fates[fate] for fate in _FATES[1:]}
    held = {fate: sum(line["rows"] for line in lines if line["outcome"] == fate) for fate in _FATES[1:]}
    if told != held:
        outcome.unexpected += 1
        outcome.note(f"receipts told of {told}, the ledger of {held}")


def run(directory: Path, *, mutations: int, seed: int = SEED, payloads: Path | None = None) -> Outcome:
    """Start a server, try everything on it, and return what came of it."""
    outcome = Outcome()
    seeds = own() + (recorded(payloads) if payloads else [])
    with Server(directory, SETTINGS) as server:
        try_cases(server, outcome)
        mutate(server, outcome, seeds, mutations, seed)
        settle(server, outcome)
        if outcome.errors:
            outcome.note(server.log())
    return outcome


def main() -> None:
    """Try everything, and print one JSON line last."""
    started = time.perf_counter()
    payloads = os.environ.get("PAYLOADS")
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(
            Path(folder) / "server",
            mutations=int(os.environ.get("MUTATIONS", MUTATIONS)),
            seed=int(os.environ.get("SEED", SEED)),
            payloads=Path(payloads) if payloads else None,
        )
    say(f"statuses: {dict(sorted(outcome.statuses.items()))}; rows: {dict(outcome.fates)}")
    line = {"bench": "fuzz", "figures": outcome.figures(), "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()
