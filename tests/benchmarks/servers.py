"""Real model servers, captured and compared value by value: ``make test-servers``; prints one JSON line last.

``SERVERS=kserve,torchserve`` takes only these; ``PAYLOADS=dir`` replays a folder of recordings instead.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.demo.processes import Child, free_port
from tests.benchmarks.servers_notes import say


@contextmanager
def watchglass(folder: Path) -> Iterator[str]:
    """A running Watchglass without a dashboard; its address."""
    port = free_port()
    arguments = ["serve", "--port", str(port), "--data-dir", str(folder / "store"), "--no-dashboard"]
    environment = {"WATCHGLASS_SCHEDULER__ENABLED": "false"}
    child = Child("watchglass", ["app.cli", *arguments], folder / "watchglass.log", environment)
    try:
        child.wait_ready(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()


def main() -> None:
    """Run what the environment asks for, and print one JSON line last."""
    started = time.perf_counter()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, watchglass(Path(folder)) as url:
        if payloads := os.environ.get("PAYLOADS"):
            from tests.benchmarks.servers_replay import replay

            figures["payloads"] = replay(Path(payloads), url)
            problems = figures["payloads"].pop("problems")
            for problem in problems:
                say(f"  {problem}")
            figures["payloads"]["problems"] = len(problems)
        else:
            from tests.benchmarks.servers_real import run

            chosen = [name for name in os.environ.get("SERVERS", "").split(",") if name]
            figures = run(chosen, Path(folder), url)
    wrong = [
        name
        for name, told in figures.items()
        if told.get("differing") or told.get("problems") or told.get("stored") != told.get("sent")
    ]
    say(json.dumps({"bench": "servers", "figures": figures, "seconds": round(time.perf_counter() - started, 1)}))
    if wrong:
        sys.exit(1)  # a server that cannot be had is told, and no failure


if __name__ == "__main__":
    main()
