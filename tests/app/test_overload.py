"""More than the server can store, and a disk that is full: every row sent is stored, or counted as refused or dropped.

The benchmark itself, made small: ``make bench BENCH=overload`` does it for a minute, and fills the disk 20 times.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIZES = {"SECONDS": "3", "CYCLES": "2"}
MOST_MB = 900


def test_what_is_not_stored_is_counted_and_a_full_disk_loses_nothing() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.overload"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | SIZES, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert figures["sent"] > figures["stored"] > 0
    assert figures["unaccounted"] == 0, figures
    assert figures["refused_without_retry_after"] == 0
    assert figures["rss_peak_mb"] < MOST_MB
    assert (figures["fill_cycles"], figures["fill_lost"], figures["fill_wrong"]) == (2, 0, 0), done.stderr
    assert figures["fill_saw_507"]
    assert figures["fill_resume_s_max"] < 120  # on a busy machine; the benchmark is held to less
