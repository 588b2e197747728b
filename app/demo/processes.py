"""The demo's child processes: started with a log each, waited for, and stopped whatever happens."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import urllib3

from monitor.errors import Unavailable

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
SAMPLE_SECONDS = 1.0
LOG_TAIL_LINES = 15
SERVED_PORTS = range(20_000, 32_768)
"""Ports that Linux gives to no outgoing connection: what is free here still is when a child comes to listen."""


def free_port(preferred: int | None = None) -> int:
    """Return ``preferred`` if nothing listens there, else a port where nothing does."""
    for port in ([preferred] if preferred else []) + random.sample(SERVED_PORTS, 20) + [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("No free port was found on 127.0.0.1; close a program that listens there and try again.")


class Child:
    """One child process, in a session of its own so that Ctrl-C reaches only the demo, which then stops it in order."""

    def __init__(
        self, name: str, module: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WATCHGLASS_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_ready(self, url: str, seconds: float = READY_SECONDS) -> None:
        """Wait until a GET of ``url`` answers 200.

        Raises:
            Unavailable: it ended, or did not answer in time; the message holds the end of its log.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.running:
            try:
                if urllib3.request("GET", url, timeout=2, retries=False).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
        what = "did not answer in time" if self.running else f"ended with status {self._process.returncode}"
        raise Unavailable(f"{self.name} {what} at {url}; the end of {self.log}:\n{self.tail()}")

    def stop(self) -> None:
        """Ask it to end, wait, and end it by force if it does not."""
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let a termination or a closed terminal end the program as Ctrl-C does, so that children are stopped first."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class PeakMemory:
    """Samples the memory of this process and all its descendants; keeps the largest sums seen, in MB (10⁶ bytes).

    ``pss_mb`` is the proportional set size: a page shared by several processes counts once in all. ``rss_mb`` is the
    resident size, where it counts in each.
    """

    def __init__(self) -> None:
        self.pss_mb = 0.0
        self.rss_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            sizes = [memory_mb(process) for process in family(os.getpid())]
            self.pss_mb = max(self.pss_mb, sum(pss for pss, _ in sizes))
            self.rss_mb = max(self.rss_mb, sum(rss for _, rss in sizes))
            if self._stop.wait(SAMPLE_SECONDS):
                return


def family(root: int) -> list[int]:
    """Return ``root`` and the ids of all its descendants; empty where there is no /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        parents[int(entry.parent.name)] = int(after_name[1])
    found = [root] if root in parents else []
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def memory_mb(process: int) -> tuple[float, float]:
    """Return one process's proportional and resident set sizes in MB, zeros if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    sizes = {line.split()[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(("Pss:", "Rss:"))}
    return sizes.get("Pss:", 0.0), sizes.get("Rss:", 0.0)
