"""A disk that fills up and is freed, again and again, under a sender with a journal: part of the overload bench.

Where a disk of its own can be mounted (root, in a mount namespace), the server's folder is a small tmpfs that a filler
file fills; elsewhere a limit on the size of files stands in for it. Every other cycle there is no reserve, so that
DuckDB itself meets the full disk, in a commit or in a checkpoint.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from app.demo.processes import Child, free_port
from monitor.store import Store
from tests.benchmarks.crash_check import MODEL, compare
from tests.benchmarks.crash_journal import Event, Journal, read_journals
from tests.benchmarks.crash_senders import event, wire
from tests.benchmarks.crash_server import register

MIB = 2**20
DISK, RESERVE = 192 * MIB, 32 * MIB
ROWS = 400
FULL_REQUESTS = 8
"""Refusals after which a disk counts as full."""

RESUME_SECONDS = 120.0


@dataclass(slots=True)
class Run:
    """A server on a small disk, and one sender that resends what was refused."""

    folder: Path
    mounted: bool
    journal: Journal
    server: Child | None = None
    url: str = ""
    number: int = 0
    refused: int = 0
    pending: list[tuple[int, list[Event]]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def start(self, reserve: int) -> None:
        """Start the server with a reserve in bytes, after stopping the one before."""
        self.stop()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "WATCHGLASS_DATA_DIR": str(self.folder / "data"),
            "WATCHGLASS_DISK_RESERVE": f"{reserve // MIB}MiB",
            "WATCHGLASS_SCHEDULER__ENABLED": "false",
        }
        command = ["app.cli", "serve", "--port", str(port), "--no-dashboard"]
        self.server = Child("server", command, self.folder.parent / "server.log", environment)
        self.server.wait_ready(f"{self.url}/healthz")

    def stop(self) -> None:
        """End the server in order."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def send(self) -> int:
        """Send what waits to be sent again, else new rows; return the status."""
        if not self.pending:
            rows = [event(f"f-{self.number}-{row}", self.chance) for row in range(ROWS)]
            self.journal.sending(self.number, "inferences", rows)
            self.pending.append((self.number, rows))
            self.number += 1
        number, rows = self.pending[0]
        body = json.dumps([wire("inferences", row) for row in rows])
        headers = {"content-type": "application/json"}
        answer = urllib3.request(
            "POST", f"{self.url}/v1/models/{MODEL}/inferences", body=body, headers=headers, retries=False, timeout=30
        )
        if answer.status == 200:
            self.journal.acknowledged(number)
            self.pending.pop(0)
        elif answer.status in (503, 507):
            self.refused += 1
        else:
            raise RuntimeError(f"the server answered {answer.status}: {answer.data[:500]!r}")
        return int(answer.status)

    def fill(self, left: int) -> None:
        """Leave only ``left`` bytes free."""
        if not self.mounted:
            largest = max(path.stat().st_size for path in (self.folder / "data").glob("*.duckdb*"))
            self._limit(largest + left)
            return
        usage = os.statvfs(self.folder)
        wanted = usage.f_bavail * usage.f_frsize - left
        with (self.folder / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(wanted, 1))

    def free(self) -> None:
        """Give the space back."""
        if self.mounted:
            (self.folder / "filler").unlink()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        assert self.server is not None
        resource.prlimit(self.server._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def read(self) -> None:
        """Make sure that reading goes on.

        Raises:
            RuntimeError: it does not.
        """
        for path in ("/healthz", f"/v1/models/{MODEL}/inferences?limit=1", "/v1/ledger", "/metrics"):
            answer = urllib3.request("GET", self.url + path, retries=False, timeout=30)
            if answer.status != 200:
                raise RuntimeError(f"GET {path} was answered {answer.status} on a full disk: {answer.data[:500]!r}")


def fill(folder: Path, cycles: int, *, mounted: bool) -> dict[str, float]:
    """Fill and free the disk ``cycles`` times, and compare the sender's journal with the store."""
    disk = folder / "disk"
    run = Run(disk, mounted, Journal(folder / "journal"))
    resumed: list[float] = []
    statuses: set[int] = set()
    try:
        run.start(RESERVE)
        register(run.url)
        for cycle in range(cycles):
            reserved = mounted and cycle % 2 == 0
            if cycle:
                run.start(RESERVE if reserved else 0)
            for _ in range(5):
                run.send()
            run.fill(RESERVE + MIB if reserved else MIB // 2)
            before = run.refused
            while run.refused < before + FULL_REQUESTS:
                statuses.add(run.send())
            if reserved:  # without a reserve, there is no room to open the file again after it failed
                run.read()
            run.free()
            resumed.append(_seconds_to_200(run))
            sys.stderr.write(f"fill {cycle + 1} of {cycles}\n")
        while run.pending:
            run.send()
    finally:
        run.stop()
    with Store.open(disk / "data" / "watchglass.duckdb") as store:
        found = compare(read_journals([folder / "journal"]), store)
    for wrong in found.wrong:
        sys.stderr.write(f"WRONG: {wrong}\n")
    return {
        "fill_cycles": cycles,
        "fill_lost": found.lost + found.doubled,
        "fill_wrong": len(found.wrong),
        "fill_refusals": run.refused,
        "fill_resume_s_max": round(max(resumed), 2),
        "fill_tmpfs": mounted,
        "fill_saw_507": 507 in statuses,
    }


def _seconds_to_200(run: Run) -> float:
    begun = time.monotonic()
    while run.send() != 200:
        if time.monotonic() - begun > RESUME_SECONDS:
            raise RuntimeError(f"no 200 within {RESUME_SECONDS:g} s after space was freed")
        time.sleep(0.05)
    return time.monotonic() - begun


def main() -> None:
    """Mount a small disk if that is allowed, and print the figures as JSON."""
    cycles = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
        mounted = os.geteuid() == 0 and subprocess.call(mount, stderr=subprocess.DEVNULL) == 0
        try:
            figures = fill(Path(name), cycles, mounted=mounted)
        finally:
            if mounted:
                subprocess.call(["umount", str(disk)])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
