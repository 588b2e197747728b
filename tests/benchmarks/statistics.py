"""Whether alarms can be trusted: ``make bench BENCH=statistics``; prints a table, and one JSON line last.

``SEEDS=5-9`` other seeds, ``DATA=folder`` another stream (see `tests.benchmarks.streams.folder`), ``PEERS=1`` others
beside ours, ``SCALE=0.05`` a twentieth of the trials, ``ONLY=alarms,power`` some groups of rows.
"""

import importlib
import json
import os
import pkgutil
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import statistics_rows
from tests.benchmarks.statistics_rows import Options, Row


def options() -> Options:
    """Read the options from the environment."""
    said = os.environ.get("SEEDS", "0-4")
    first, _, last = said.partition("-")
    data = os.environ.get("DATA", "")
    return Options(
        seeds=tuple(range(int(first), int(last or first) + 1)),
        data=Path(data) if data else None,
        peers=os.environ.get("PEERS", "") not in ("", "0"),
        scale=float(os.environ.get("SCALE", "1")),
        workers=int(os.environ.get("WORKERS", "2")),
    )


def groups() -> list[str]:
    """Return the modules that measure rows, all or those that ``ONLY`` names."""
    only = [name for name in os.environ.get("ONLY", "").split(",") if name]
    found = [each.name for each in pkgutil.iter_modules(statistics_rows.__path__)]
    modules = [name for name in found if not only or name in only]
    return [
        name for name in modules if hasattr(importlib.import_module(f"{statistics_rows.__name__}.{name}"), "measure")
    ]


def figures(rows: list[Row]) -> dict[str, Any]:
    """Return the rows' figures as nested objects: ``a.b.c`` is ``{"a": {"b.c": …}}``."""
    found: dict[str, Any] = {}
    for row in rows:
        name, _, part = row.figure.partition(".")
        if part:
            found.setdefault(name, {})[part] = row.value
        else:
            found[name] = row.value
    return found


def table(rows: list[Row]) -> str:
    """Return the rows as a table for people."""
    said = {None: "", True: "held", False: "MISSED"}
    lines = [f"{'figure':44} {'ours':>9}  {'bar':52} {'peers':30}"]
    lines += [f"{row.figure:44} {row.value!s:>9}  {row.bar:52} {row.peer:30} {said[row.held]}" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, and one JSON line last."""
    started, rows = time.perf_counter(), []
    for name in groups():
        module = importlib.import_module(f"{statistics_rows.__name__}.{name}")
        began = time.perf_counter()
        for row in module.measure(options()):
            print(f"{row.figure} = {row.value}", file=sys.stderr, flush=True)  # noqa: T201 - progress
            rows.append(row)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)  # noqa: T201 - progress
    print(table(rows))  # noqa: T201 - the table is for people
    line = {"bench": "statistics", "figures": figures(rows), "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()
