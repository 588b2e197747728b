"""How fast drift is told: ``make bench BENCH=drift_speed``; prints one JSON line last.

- Beside Evidently's ``DataDriftPreset``, on the same million rows of twenty columns: *cold* makes the bins of the
  reference, profiles reference and rows, and measures drift, in memory; *warm* is a fresh process that opens the file
  and measures drift from the profiles in it. Its time runs from before the file is opened; starting Python and imports
  are told apart (``process_s``), as the peer's imports are not counted either.
- The kernels beside a plain sum of the same columns; their digests, and those of other splits and orders.
- Drift and accuracy of 30 days from files of a million, 10 and 100 million rows, and of 30 days and 13 months.
- The time a row takes to be durable, with and without jobs running beside it.

``ROWS`` (1000000), ``SIZES`` (1000000,10000000,100000000), ``KEEP`` (1000000: up to so many rows are stored as rows
too; of more, each is made in the database and profiled by the kernel, and only its profile is stored), ``PER_DAY`` and
``HISTORY`` (days), ``CAPTURED``, ``REPEATS`` and ``PEER=0`` make it smaller.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

import monitor.drift
from monitor.drift import DriftMeasure
from monitor.drift.jensen_shannon import JensenShannon
from monitor.plugins import plugins
from monitor.profile import kernel, make_binning, merge, profile, read
from monitor.profile.binning import Binning
from monitor.profile.column import ColumnProfile
from monitor.store import Store
from monitor.types import Window
from tests.benchmarks import drift_speed_rows as made
from tests.benchmarks.drift_speed_answer import Answers
from tests.benchmarks.drift_speed_capture import capture_p99_ratio
from tests.benchmarks.drift_speed_values import normed_wasserstein

MONTH = 30


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the run is."""

    rows: int
    stores: tuple[int, ...]
    keep: int
    per_day: int
    history: int
    repeats: int
    captured: int
    peer: bool


def sizes() -> Sizes:
    """Read them from the environment."""
    return Sizes(
        rows=int(os.environ.get("ROWS", "1000000")),
        stores=tuple(int(size) for size in os.environ.get("SIZES", "1000000,10000000,100000000").split(",")),
        keep=int(os.environ.get("KEEP", "1000000")),
        per_day=int(os.environ.get("PER_DAY", "5000")),
        history=int(os.environ.get("HISTORY", "396")),
        repeats=int(os.environ.get("REPEATS", "30")),
        captured=int(os.environ.get("CAPTURED", "1500")),
        peer=os.environ.get("PEER", "1") != "0",
    )


def say(text: str) -> None:
    """Tell how far it has come."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress of a benchmark


def child(module: str, *arguments: object) -> tuple[dict, float]:
    """Run a module in a fresh process; return what its last line says and how long all of it took."""
    began = time.perf_counter()
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}; what it said is above")
    return json.loads(done.stdout.strip().splitlines()[-1]), time.perf_counter() - began


def digest(pieces: pa.Table) -> str:
    """Return the SHA-256 of merged pieces."""
    merged = merge(pieces)
    said = sha256(merged["counts"].combine_chunks().flatten().to_numpy().tobytes())
    said.update(repr(merged.drop_columns(["counts"]).to_pydict()).encode())
    return said.hexdigest()


def cold(reference: pa.Table, current: pa.Table) -> tuple[float, dict[str, ColumnProfile], dict[str, ColumnProfile]]:
    """Return the seconds from two tables to all drift measures, and both tables' profiles."""
    measures = [measure() for measure in plugins(monitor.drift, DriftMeasure).values()]
    began = time.perf_counter()
    binning = make_binning(reference, made.SCHEMA)
    half = len(current) // 2
    parts = [reference.slice(0, half), reference.slice(half), current.slice(0, half), current.slice(half)]
    with ThreadPoolExecutor(made.THREADS) as pool:
        pieces = list(pool.map(lambda part: profile(part, made.SCHEMA, binning), parts))
    before, after = (_columns(pieces[at : at + 2], binning) for at in (0, 2))
    for name, found in after.items():
        for measure in measures:
            if found.kind in measure.kinds:
                measure.score(before[name], found)
    return time.perf_counter() - began, before, after


def _columns(pieces: list[pa.Table], binning: Binning) -> dict[str, ColumnProfile]:
    found = read(pa.concat_tables(pieces), binning, made.SCHEMA)
    return {name: profile for name, profile in found.items() if isinstance(profile, ColumnProfile)}


def kernels(table: pa.Table, binning: Binning, repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return how fast each kernel counts, in values a second, and as a share of a float64 sum's speed; best of some."""
    columns = [(table[name].to_numpy(), binning.columns[name].edges) for name in made.NUMBERS]  # type: ignore[union-attr]
    known = kernel.named()
    best = {name: np.full(len(columns), np.inf) for name in ("sum", *known)}
    for _ in range(repeats):
        for at, (values, edges) in enumerate(columns):
            runs = {"sum": values.sum} | {
                name: (lambda count=count: count(values, edges))  # noqa: B023 - likewise
                for name, count in known.items()
            }
            for name, run in runs.items():
                began = time.perf_counter()
                run()
                best[name][at] = min(best[name][at], time.perf_counter() - began)
    per_s = {name: float(len(columns) * len(table) / seconds.sum()) for name, seconds in best.items()}
    return per_s, {name: per_s[name] / per_s["sum"] for name in known}


def digests_differing(table: pa.Table, binning: Binning) -> int:
    """Return how many of several kernels, splits and orders give other bytes than the first."""
    rng = np.random.default_rng(5)
    ways = [[table], [table.slice(0, len(table) // 3), table.slice(len(table) // 3)]]
    ways.append([table.take(pa.array(part)) for part in np.array_split(rng.permutation(len(table)), 7)])
    found = []
    for name in kernel.named():
        kernel.choose(name)  # type: ignore[arg-type]  # the names of kernels
        found += [digest(pa.concat_tables([profile(part, made.SCHEMA, binning) for part in way])) for way in ways]
    kernel.choose("auto")
    return sum(each != found[0] for each in found)


def answers(folder: Path, rows: int, days: int, size: Sizes) -> dict:
    """Fill a store, and return what a fresh process answers of its last 30 days, as after a restart."""
    file = folder / f"{rows}-{days}.db"
    began = time.perf_counter()
    end = made.START + timedelta(days=days)
    start = end - timedelta(days=MONTH)
    with Store.open(file) as store:
        made.fill(store, rows, days, reference_rows=min(rows, 100_000), keep_rows=rows <= size.keep)
        Answers(store).drift(Window(start, end))  # the first answer ever keeps what the reference comes to
    found, _ = child("drift_speed_answer", file, start.isoformat(), end.isoformat(), size.repeats)
    say(f"{rows:,} rows of {days} days, profiled in {time.perf_counter() - began:.0f} s: {found}")
    file.unlink()
    return found


def beside(folder: Path, size: Sizes) -> dict[str, object]:
    """Measure cold and warm on the rows that the peer has too."""
    with Store.open(":memory:") as store:
        reference, _ = made.reference(store, size.rows, days=1)
        current = store.database.query(
            made.select(0, size.rows, seed=2, begin=made.START, span=made.DAY, rows=size.rows, moved=True)
        )
    profile(current, made.SCHEMA, make_binning(reference.slice(0, 10_000), made.SCHEMA))  # compiles, once a machine
    runs = [cold(reference, current) for _ in range(min(3, size.repeats))]
    cold_s, before, after = min(runs, key=lambda run: run[0])
    binning = make_binning(reference, made.SCHEMA)
    per_s, shares = kernels(current, binning, 5)
    figures: dict[str, object] = {
        "cold_s": cold_s,
        "values_per_s": max(value for name, value in per_s.items() if name != "sum"),
        "kernel_vs_sum": shares,
        "digests_differing": digests_differing(current.slice(0, min(size.rows, 200_000)), binning),
    }
    say(f"cold {cold_s:.3f} s; kernels { ({name: f'{value / 1e6:.0f} M/s' for name, value in per_s.items()}) }")
    figures |= warm(folder, reference, current, binning, size)
    if size.peer:
        figures |= peer(folder, reference, current, before, after)
        evidently_s = float(str(figures["evidently_s"]))
        figures |= {"cold_ratio": evidently_s / cold_s, "warm_ratio": evidently_s / float(str(figures["warm_s"]))}
    return figures


def warm(folder: Path, reference: pa.Table, current: pa.Table, binning: Binning, size: Sizes) -> dict[str, float]:
    """Put the profiles of these rows in a file and ask fresh processes."""
    file = folder / "warm.db"
    with Store.open(file) as store:
        made.register(store, reference, binning, Window(made.START - made.DAY, made.START))
        store.profiles.append(made.NAME, made.pieces_of(current, binning), size.rows)
        store.profiles.roll_up(made.NAME, made.START + made.DAY)
        Answers(store).drift(Window(made.START, made.START + made.DAY))  # likewise
        store.database.query("CHECKPOINT")
    window = (made.START.isoformat(), (made.START + made.DAY).isoformat())
    found = [child("drift_speed_answer", file, *window, 0) for _ in range(min(5, size.repeats))]
    best = min(found, key=lambda each: each[0]["first_s"])
    say(f"warm {best[0]['first_s']:.4f} s; with the start of Python and imports {best[1]:.2f} s; {best[0]}")
    return {"warm_s": best[0]["first_s"], "process_s": best[1]}


def peer(
    folder: Path,
    reference: pa.Table,
    current: pa.Table,
    before: Mapping[str, ColumnProfile],
    after: Mapping[str, ColumnProfile],
) -> dict[str, float]:
    """Run Evidently on the same rows, and compare what both define alike."""
    names = [*made.NUMBERS, *made.CATEGORIES]
    for name, table in (("reference", reference), ("current", current)):
        with pa.OSFile(str(folder / name), "wb") as out, pa.ipc.new_file(out, table.select(names).schema) as writer:
            writer.write_table(table.select(names))
    theirs, _ = child("drift_speed_peer", folder / "reference", folder / "current")
    differences = []
    for name, (method, said) in theirs["values"].items():
        ours = (JensenShannon().score if name in made.CATEGORIES else normed_wasserstein)(before[name], after[name])
        value = said / math.sqrt(math.log(2)) if name in made.CATEGORIES else said  # theirs is in nats, ours in bits
        assert ours is not None, name
        differences.append(abs(value - ours))
        say(f"{name}: {method} {value:.5f}, ours {ours:.5f}")
    say(f"Evidently {theirs['seconds']:.1f} s")
    return {"evidently_s": theirs["seconds"], "max_value_difference": max(differences)}


def run(size: Sizes) -> dict[str, object]:
    """Measure everything and return the figures."""
    with tempfile.TemporaryDirectory(prefix="drift_speed") as name:
        folder = Path(name)
        figures = beside(folder, size)
        by_rows = {rows: answers(folder, rows, MONTH, size) for rows in size.stores}
        for rows, found in by_rows.items():
            label = f"{rows // 1_000_000}m" if rows >= 1_000_000 else str(rows)
            figures[f"query_ms_{label}"] = found["query_ms"]
        least, most = by_rows[min(size.stores)], by_rows[max(size.stores)]
        figures["query_flatness"] = most["query_ms"] / least["query_ms"]
        figures["rss_flatness"] = most["peak_rss_mb"] / least["peak_rss_mb"]
        figures["peak_rss_mb"] = most["peak_rss_mb"]
        short, long = (answers(folder, days * size.per_day, days, size) for days in (MONTH, size.history))
        figures["history_flatness"] = long["query_ms"] / short["query_ms"]
        figures["capture_p99_ratio"] = capture_p99_ratio(folder, size.captured, min(200_000, size.rows))
    return figures


def main() -> None:
    """Run at the size that the environment asks for; print the figures last."""
    began = time.perf_counter()
    figures = run(sizes())
    say(f"own peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"bench": "drift_speed", "figures": figures, "seconds": seconds}))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
