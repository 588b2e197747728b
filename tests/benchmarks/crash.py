"""Kill the server at random instants, at points of our own and inside DuckDB: ``make bench BENCH=crash``.

Four senders with journals of their own send events until each is acknowledged; the server is started again without
anybody's help. ``KILLS`` random kills (200), ``EVENTS`` events (200,000), ``POINTS`` kills at each point of ours (5),
``STRACE`` kills at system calls of DuckDB (20, none where strace is missing); ``SEED`` repeats a run.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from monitor.store import Store
from tests.benchmarks.crash_check import compare, planted
from tests.benchmarks.crash_child import POINTS
from tests.benchmarks.crash_journal import read_journals
from tests.benchmarks.crash_senders import Shared, start
from tests.benchmarks.crash_server import DEADLINE, Supervisor, Trace, register

SENDERS = 4
INSTANTS = (0.02, 0.4)
"""Seconds from the first 200 after a start to the kill."""

RECOVERING = 8
"""One random kill in so many comes before the server has answered at all: in the middle of recovery."""

FIRE_SECONDS = 6.0
"""How long a point or a system call is waited for before the server is killed anyway."""

CALLS = (
    ("write", ".wal"), ("fsync", ".wal"), ("pwrite64", ""), ("fsync", ""), ("pwrite64", ".seq"), ("fdatasync", ".seq"),
    ("pwrite64", ".journal"), ("fdatasync", ".journal"),
)  # fmt: skip
"""System calls at which strace kills: on DuckDB's log and database, on the side file, on the journal."""

RARE = frozenset({"piece", "checkpoint", "bring_in", "reach", "applied"})
"""Points that come only a few times before the server is killed anyway."""


def rounds(kills: int, points: int, traces: int, chance: random.Random) -> list[tuple[str, Trace | None]]:
    """Return for each kill how it comes: at a point, at a system call, or (neither) at a random instant."""
    plan: list[tuple[str, Trace | None]] = [("", None)] * (kills - 1)
    for name in POINTS:
        for when in ("before", "after"):
            most = 3 if name in RARE else 40
            plan += [(f"{name}:{when}:{chance.randint(1, most)}", None) for _ in range(points)]
    for place in range(traces):
        call, suffix = CALLS[place % len(CALLS)]
        plan.append(("", (call, suffix, chance.randint(1, 12))))
    chance.shuffle(plan)
    return [("", None), *plan]  # the model is registered before the first


def crash(directory: Path, kills: int, events: int, points: int, traces: int, seed: int) -> dict[str, float]:
    """Run it all and return the figures."""
    chance = random.Random(seed)
    plan = rounds(kills, points, traces, chance)
    shared = Shared.make()
    supervisor = Supervisor(directory, shared)
    journals = [directory / f"journal-{place}" for place in range(SENDERS)]
    supervisor.launch(*plan[0])
    register(supervisor.url)
    begun = time.monotonic()
    senders = start(supervisor.url, journals, events, seed, shared)
    try:
        for number, (point, trace) in enumerate(plan):
            shared.allowed.value = (number + 1) * events // SENDERS // (len(plan) + 1)
            if number:
                supervisor.launch(point, trace)
            if number % RECOVERING == RECOVERING - 1 and not point and not trace:
                supervisor.end(chance.uniform(0.0, 2.0))
                continue
            if not point and not trace:
                answered = supervisor.wait_answer(begun)
                if number:
                    supervisor.restarts.append(answered - begun)
                supervisor.end(chance.uniform(*INSTANTS))
            else:
                supervisor.end(FIRE_SECONDS)
            begun = time.monotonic()
            if number % 10 == 9:
                sys.stderr.write(f"{number + 1} of {len(plan)} kills\n")
        supervisor.launch()
        supervisor.restarts.append(supervisor.wait_answer(begun) - begun)
        shared.allowed.value = events
        deadline = time.monotonic() + DEADLINE + events / 500
        while shared.done.value < SENDERS and time.monotonic() < deadline:
            if any(sender.exitcode for sender in senders):
                raise RuntimeError("a sender failed; its message is above")
            time.sleep(0.05)
    finally:
        shared.over.value = 1
        for sender in senders:
            sender.join(120)
    supervisor.stop()
    return figures(supervisor, journals, directory)


def figures(supervisor: Supervisor, journals: list[Path], directory: Path) -> dict[str, float]:
    """Compare the journals with the store that is left, and prove that the comparison can fail."""
    known = read_journals(journals)
    with Store.open(supervisor.database) as store:
        found = compare(known, store)
    for wrong in found.wrong:
        sys.stderr.write(f"WRONG: {wrong}\n")
    loss, double = planted(known, supervisor.database, directory)
    return {
        "kills": supervisor.kills,
        "kills_at_points": supervisor.fired,
        "sent": len(known.sent),
        "acknowledged": len(known.acknowledged),
        "acknowledged_share": round(len(known.acknowledged) / max(len(known.sent), 1), 4),
        "lost": found.lost,
        "doubled": found.doubled,
        "wrong": len(found.wrong),
        "restart_s_max": round(max(supervisor.restarts), 2),
        "planted_loss_caught": loss,
        "planted_double_caught": double,
    }


def main() -> None:
    """Measure, and print one JSON line last."""
    started = time.perf_counter()
    sizes = {
        name: int(os.environ.get(name, default))
        for name, default in (
            ("KILLS", "200"),
            ("EVENTS", "200000"),
            ("POINTS", "5"),
            ("STRACE", "20"),
            ("SEED", "20130501"),
        )
    }
    if shutil.which("strace") is None:
        sys.stderr.write("strace is missing: no kill inside DuckDB (apt-get install strace)\n")
        sizes["STRACE"] = 0
    with tempfile.TemporaryDirectory() as folder:
        found = crash(Path(folder), sizes["KILLS"], sizes["EVENTS"], sizes["POINTS"], sizes["STRACE"], sizes["SEED"])
    line = {"bench": "crash", "figures": found, "seconds": round(time.perf_counter() - started, 1)}
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
