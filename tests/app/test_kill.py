"""kill -9 of a real server while four senders send: nothing acknowledged is lost, nothing is doubled.

The benchmark itself, made small: ``make bench BENCH=crash`` does it 200 times, and inside DuckDB.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = {"KILLS": "5", "EVENTS": "6000", "POINTS": "0", "STRACE": "0"}


def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9() -> None:
    seed = os.environ.get("SEED", "20130501")
    command = [sys.executable, "-m", "tests.benchmarks.crash"]
    sizes = os.environ | SIZES | {"SEED": seed}
    done = subprocess.run(command, cwd=ROOT, env=sizes, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert figures["kills"] == 5
    assert figures["sent"] == figures["acknowledged"] == 6000
    assert (figures["lost"], figures["doubled"], figures["wrong"]) == (0, 0, 0), done.stderr
    assert figures["planted_loss_caught"]
    assert figures["planted_double_caught"]
    assert figures["restart_s_max"] <= 60  # on a busy machine; the benchmark is held to ten seconds
