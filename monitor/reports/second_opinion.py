"""Have Evidently compare a bounded sample, in a process of its own, and say plainly what came of it.

The process is spawned: it shares no lock and no memory with capture, and whatever happens to it stays there. It is
given harmless names and values only, has no way to the network, and is ended after a time.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event
from typing import Any, Final

import pyarrow as pa
import pyarrow.ipc

import monitor
from monitor.charts.format import count
from monitor.errors import Unavailable
from monitor.reports.facts import Context
from monitor.reports.sample import ROWS, columns, harmless_names, prepare
from monitor.store import Store
from monitor.types import Model, Window

TIMEOUT_S: Final = 180
SEED: Final = 0
PAGE: Final = "evidently.html"
METHODS: Final = {
    "num_method": "wasserstein",
    "num_threshold": 0.1,
    "cat_method": "jensenshannon",
    "cat_threshold": 0.1,
}
"""Named outright, because Evidently's own choice changes with the number of rows."""

_log = logging.getLogger(__name__)


def second_opinion(
    context: Context, model: Model, version: str, window: Window, folder: Path
) -> tuple[Path | None, str]:
    """Write Evidently's page into a folder.

    Args:
        context: where the rows are, and whether the server stops.
        model: whose.
        version: which version's rows; its reference, or the newest there is, is what they are compared with.
        window: which rows.
        folder: where the page goes.

    Returns:
        The page (None if it could not be made) and a sentence about it: what was left out, or why there is none.
    """
    (folder / PAGE).unlink(missing_ok=True)
    reference, current = _samples(context.store, model, version, window)
    if not len(reference) or not len(current):
        lacking = "no reference rows" if not len(reference) else "no rows in this window"
        return None, f"Evidently's report was not made: there are {lacking}."
    numbers, categories, left = columns(model.schema)
    names = harmless_names([*numbers, *categories])
    with tempfile.TemporaryDirectory(prefix="watchglass-report-") as temporary:
        work = Path(temporary)
        for name, rows in (("reference", reference), ("current", current)):
            prepared = prepare(rows, numbers, categories, names)
            with pyarrow.ipc.new_file(work / f"{name}.arrow", prepared.schema) as file:
                file.write_table(prepared)
        task = {
            "numbers": [names[name] for name in numbers],
            "categories": [names[name] for name in categories],
            "methods": METHODS,
        }
        (work / "task.json").write_text(json.dumps(task), encoding="utf-8")
        problem, told = _run(work, context.stopping)
        if problem:
            _log.warning("model %s: Evidently's page was not made: %s", model.name, problem)
            return None, f"Evidently's report was not made: {problem}"
        page = (work / PAGE).read_text(encoding="utf-8")
    (folder / PAGE).write_text(page, encoding="utf-8")
    left |= {next(name for name, safe in names.items() if safe == each): why for each, why in told["left_out"].items()}
    return folder / PAGE, _note(left, len(reference), len(current), float(told["seconds"]))


def _samples(store: Store, model: Model, version: str, window: Window) -> tuple[pa.Table, pa.Table]:
    versions = [each for each in store.catalog.versions(model.name) if each.reference_rows]
    own = [each for each in versions if each.version == version]
    current = store.rows.sample(model.name, window, version or None, ROWS, SEED)
    if not versions:
        return current.slice(0, 0), current
    chosen = (own or versions)[-1]
    return store.catalog.reference(model.name, chosen.version, limit=ROWS, seed=SEED), current


def _run(work: Path, stopping: Event) -> tuple[str, dict[str, Any]]:
    """Run the child; return what went wrong (empty if nothing) and what it told.

    Raises:
        Unavailable: the server stops; the child has been ended.
    """
    root = str(Path(next(iter(monitor.__path__))).parent)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(work),  # nothing is read from or left in the user's own folders
        "TMPDIR": str(work),
        "PYTHONPATH": root,
        "LANG": "C.UTF-8",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "monitor.reports.evidently_page", str(work)]
    try:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        return f"its process could not be started ({error.strerror}).", {}
    said = _wait(child, stopping)
    if said is None:
        return f"it took longer than {TIMEOUT_S} s.", {}
    result = work / "result.json"
    if child.returncode or not result.exists():
        lines = said.decode(errors="replace").strip().splitlines()
        return f"its process ended with code {child.returncode}: {lines[-1][:200] if lines else 'no message'}", {}
    told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return str(told.get("problem", "")), told


def _wait(child: subprocess.Popen[bytes], stopping: Event) -> bytes | None:
    """Return what the child says on its error stream, or None if it had to be ended for taking too long."""
    deadline = time.monotonic() + TIMEOUT_S
    with child:
        while True:
            try:
                return child.communicate(timeout=0.1)[1]
            except subprocess.TimeoutExpired:
                if stopping.is_set():
                    child.kill()
                    raise Unavailable("The server stops; the report is made after the next start.") from None
                if time.monotonic() > deadline:
                    child.kill()
                    return None


def _note(left: dict[str, str], reference: int, current: int, seconds: float) -> str:
    told = (
        f"Made by Evidently in {seconds:.1f} s from a sample of {count(reference)} reference rows and {count(current)} "
        f"rows of this window (numbers: {METHODS['num_method']} distance above {METHODS['num_threshold']}; categories: "
        f"{METHODS['cat_method']} distance above {METHODS['cat_threshold']}). Its thresholds are fixed, not calibrated "
        "on ordinary days: expect it to flag more. About 4.6 MB."
    )
    if left:
        told += " Left out: " + "; ".join(f"{name} ({why})" for name, why in left.items()) + "."
    return told
