"""A 200 is written only after the journal or the write-ahead log was synced: SIGKILL alone does not test the disk.

Told from what strace saw of a real server. The reader of its log is itself held against logs with the order swapped.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from app.demo.processes import free_port

CALLS = "write,pwrite64,fsync,fdatasync,sendto,sendmsg,writev"
REQUESTS = 12
_CALL = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\w+)\((\d+)<([^>]*)>")
_RESUMED = re.compile(r"^(?:\[pid +)?(\d+)\]? +<\.\.\. (\w+) resumed>")


@dataclass(frozen=True)
class Call:
    """One system call on a file or socket, as it began or as it ended."""

    name: str
    path: str
    line: str
    ended: bool


def calls(log: Iterable[str]) -> Iterator[Call]:
    """Yield the beginning and the end of each call, in the order strace saw them."""
    unfinished: dict[str, Call] = {}
    for line in log:
        if found := _CALL.match(line):
            thread, name, _, path = found.groups()
            yield Call(name, path, line, ended=False)
            if "<unfinished ...>" in line:
                unfinished[thread] = Call(name, path, line, ended=True)
            elif " = -1 " not in line:
                yield Call(name, path, line, ended=True)
        elif (found := _RESUMED.match(line)) and found[1] in unfinished:
            begun = unfinished.pop(found[1])
            if " = -1 " not in line:
                yield begun


def early_answers(log: Iterable[str], wal: str) -> tuple[int, int]:
    """Return how many 200s were written in all, and how many of them before a sync that they need.

    An answer needs that the journal was written since the answer before it, and that all writes to it were synced: a
    sync counts once it has ended, a write as soon as it begins. Where the journal was not written, the same is needed
    of the write-ahead log; the log alone does not do for a journal that was written and not synced.
    """
    journal = wal.removesuffix(".wal") + ".journal"
    answers = early = 0
    written: set[str] = set()
    unsynced: set[str] = set()
    for call in calls(log):
        if call.path in (wal, journal):
            if call.name in ("write", "pwrite64", "writev") and not call.ended:
                unsynced.add(call.path)
                written.add(call.path)
            elif call.name in ("fsync", "fdatasync") and call.ended:
                unsynced.discard(call.path)
        elif not call.ended and '"HTTP/1.1 200' in call.line:
            answers += 1
            needed = journal if journal in written else wal
            early += needed in unsynced or needed not in written
            written.clear()
    return answers, early


WAL = "/data/w.duckdb.wal"
WRITE = f'[pid 7] write(4<{WAL}>, "x"..., 140) = 140'
JOURNAL = "/data/w.duckdb.journal"
FRAME = f'[pid 8] pwrite64(5<{JOURNAL}>, "WGJ1"..., 140, 0) = 140'
SYNCED = f"[pid 8] fdatasync(5<{JOURNAL}>) = 0"
SYNC = f"[pid 7] fsync(4<{WAL}>) = 0"
ANSWER = r'[pid 5] write(9<socket:[1]>, "HTTP/1.1 200 OK\r\ncontent-length: 76\r\n\r\n", 99) = 99'


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ([WRITE, SYNC, ANSWER], (1, 0)),
        ([WRITE, SYNC, ANSWER, WRITE, SYNC, ANSWER], (2, 0)),
        ([WRITE, ANSWER, SYNC], (1, 1)),
        ([WRITE, SYNC, ANSWER, ANSWER], (2, 1)),
        ([WRITE, SYNC, ANSWER, WRITE, ANSWER, SYNC], (2, 1)),
        ([WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), ANSWER], (1, 1)),
        ([WRITE, SYNC.replace(WAL, "/data/other"), ANSWER], (1, 1)),
        ([WRITE, f"[pid 7] fsync(4<{WAL}> <unfinished ...>", ANSWER, "[pid 7] <... fsync resumed>) = 0"], (1, 1)),
        ([WRITE, f"[pid 7] fsync(4<{WAL}> <unfinished ...>", "[pid 7] <... fsync resumed>) = 0", ANSWER], (1, 0)),
        ([FRAME, SYNCED, ANSWER], (1, 0)),
        ([FRAME, ANSWER, SYNCED], (1, 1)),
        ([FRAME, SYNCED, ANSWER, ANSWER], (2, 1)),
        ([FRAME, WRITE, SYNC, ANSWER, SYNCED], (1, 1)),
        ([FRAME, WRITE, SYNCED, ANSWER, SYNC], (1, 0)),
        ([FRAME, SYNCED, ANSWER, WRITE, ANSWER, SYNC], (2, 1)),
        ([FRAME, SYNCED, ANSWER, WRITE, SYNC, ANSWER], (2, 0)),
        ([FRAME, f"[pid 8] fdatasync(5<{JOURNAL}> <unfinished ...>", ANSWER], (1, 1)),
        ([line.replace("[pid ", "").replace("]", "", 1) for line in (WRITE, SYNC, ANSWER)], (1, 0)),
    ],
)
def test_the_reader_sees_an_answer_that_comes_too_early(log: list[str], found: tuple[int, int]) -> None:
    assert early_answers(log, WAL) == found


def register(url: str) -> None:
    schema = {"task": "binary", "features": [{"name": "x", "kind": "numeric"}]}
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = urllib3.request("PUT", f"{url}/v1/models/m", json={"schema": schema}, retries=False, timeout=60)
        except urllib3.exceptions.HTTPError:
            assert time.monotonic() < deadline
        else:
            assert answer.status == 201
            return


def can_trace() -> bool:
    """Tell whether strace is there and allowed to trace; some containers forbid it."""
    return shutil.which("strace") is not None and subprocess.call(["strace", "-o", "/dev/null", "true"]) == 0


@pytest.mark.skipif(not can_trace(), reason="strace is missing (apt-get install strace) or may not trace here")
def test_every_200_comes_after_a_sync(tmp_path: Path) -> None:
    port, data, log = free_port(), tmp_path / "data", tmp_path / "strace.log"
    url = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--no-dashboard", "--data-dir", str(data)]
    command = ["strace", "-f", "-y", "-s", "400", "-o", str(log), "-e", f"trace={CALLS}", *serve]
    with (tmp_path / "server.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        register(url)
        pool = urllib3.PoolManager(retries=False, timeout=60)
        for number in range(REQUESTS):  # one after another: each must have its own sync
            row = {"id": str(number), "features": {"x": number}, "scores": [0.5]}
            for what, sent in (("inferences", row), ("labels", {"id": str(number), "value": "1"})):
                answer = pool.request("POST", f"{url}/v1/models/m/{what}", json=[sent])
                assert (answer.status, answer.json()["stored"]) == (200, 1)
    finally:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        subprocess.run(["kill", *children], check=False)
        process.wait(120)
    wal = str(data.resolve() / "watchglass.duckdb.wal")
    lines = log.read_text(errors="replace").splitlines()
    assert any(f"{wal.removesuffix('.wal')}.journal>" in line and "fdatasync" in line for line in lines)
    assert early_answers(lines, wal) == (2 * REQUESTS, 0)
