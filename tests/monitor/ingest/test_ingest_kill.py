"""kill -9 at random instants: what was acknowledged is there, once, and everything still adds up."""

import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import numpy as np

from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.profile.column import ColumnProfile
from monitor.profile.pieces import merge
from monitor.store import Store, verify
from monitor.types import ALL, Window

CHILD = Path(__file__).with_name("killed_child.py")
START = datetime(2013, 5, 1, tzinfo=UTC)
LANES, KILLS = 4, 5


def run_until_killed(path: Path, journal: list[int], after: float, acknowledgements: int) -> None:
    """Let the child ingest, note what it acknowledges, and kill it.

    It is killed ``after`` seconds from its first acknowledgement (anywhere in a commit), or the moment one arrives:
    the ``acknowledgements``-th (an answer given too early is caught then).
    """
    arguments = [sys.executable, str(CHILD), str(path), *map(str, journal)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        timer = Timer(after, child.send_signal, [signal.SIGKILL])
        for count, said in enumerate(child.stdout):
            if count == acknowledgements:
                child.kill()
            if count == 0:
                timer.start()
            if said.endswith("\n"):
                lane, reached = map(int, said.split())
                journal[lane] = reached
        timer.cancel()
    assert child.returncode == -signal.SIGKILL


def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    """Each run sends again what the last one was not told about, as clients do."""
    seed = int(os.environ.get("KILL_SEED", "20130501"))
    print(f"KILL_SEED={seed}")  # noqa: T201 - shown when the test fails, to repeat it
    instants = random.Random(seed)
    path = tmp_path / "watch.db"
    journal = [0] * LANES
    for kill in range(KILLS):
        before = list(journal)
        acknowledgements = instants.randint(20, 200) if kill % 2 else 10**9
        run_until_killed(path, journal, instants.uniform(0.1, 0.9), acknowledgements)
        assert sum(journal) > sum(before)
    with Store.open(path) as store:
        ingest = Ingest(store, ManualClock(datetime(2014, 1, 1, tzinfo=UTC)))
        stored = store.rows.inferences("flights", limit=10**6)
        ids = stored["_id"].to_pylist()
        acknowledged = {f"{lane}-{number}" for lane in range(LANES) for number in range(journal[lane])}
        assert acknowledged - set(ids) == set()
        assert len(ids) == len(set(ids))
        labels = dict(zip(ids, stored["_label"].to_pylist(), strict=True))
        for name in acknowledged:
            number = int(name.split("-")[1])
            assert labels[name] == (None if number % 2 == 0 else "yes" if number % 3 else "no")
        window = Window(START, START + timedelta(days=2))
        [piece] = merge(
            ingest.pieces("flights", window, columns=["delay"], segment=ALL), by=["column", "binning"]
        ).to_pylist()
        bins = store.catalog.binning("flights").columns["delay"]
        assert ColumnProfile("delay", bins, np.array(piece["counts"])).rows == len(ids)
        ingest.flush()
        assert [check for check in verify(store) if not check.ok] == []
        doubled = store.database.integer(
            "SELECT count(*) FROM (SELECT id FROM labels.flights GROUP BY id HAVING count(*) > 1)"
        )
        assert doubled == 0
