"""Faults that are there: whether they are found, how soon, and whether the right column is named."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.detection import Batch, Detector
from monitor.profile.comoments import correlations
from monitor.types import Kind
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.trials import first, redraws, whole_days
from tests.benchmarks.streams.coded import Coded
from tests.benchmarks.streams.made import made
from tests.benchmarks.streams.stream import Stream

TRIALS = 500
REFERENCE = 120
ROWS = 1_000
PATIENCE = 5
ENTANGLED = 0.1  # the rank correlation from which a column belongs to another
DAY_REDRAWS = 40  # trials that share a reference are not independent

Tally = Counter[str]


def measure(options: Options) -> Iterator[Row]:
    """Measure every cell; each has at least 500 trials over all seeds."""
    streams = options.streams()
    number = options.trials(TRIALS)
    works = [partial(hard_and_named, stream, number) for stream in streams]
    works += [partial(joint, stream, number) for stream in streams]
    works += [partial(small_shift, "power_01sd_50col_10k", 10_000, 60, 2, number)]
    works += [partial(small_shift, "power_01sd_1k", 1_000, REFERENCE, 3, number)]
    works += [
        partial(between_days, stream, options.trials(DAY_REDRAWS), number)
        for stream in streams
        if stream.chunk is None and len(whole_days(stream)[1]) >= REFERENCE // 2
    ]
    found: Tally = Counter()
    for work in works:
        for part in spread(work, options.seeds, options.workers):
            found += part
    bars = {
        "hard_power": (1.0, "100 % in the first chunk of 1,000"),
        "power_01sd_50col_10k": (0.99, "≥ 99 % within 2 chunks"),
        "power_01sd_1k": (0.90, "≥ 90 % within 3 chunks"),
        "localisation": (0.95, "≥ 95 % exact"),
        "joint_power": (0.95, "≥ 95 % within 3 chunks of 1,000"),
        "power_3sd_between_day": (0.95, "≥ 95 % within 3 days"),
    }
    for name, (least, bar) in bars.items():
        if found[f"{name}:tried"]:
            share = found[f"{name}:found"] / found[f"{name}:tried"]
            yield Row(
                name, round(share, 4), f"{bar}; {found[f'{name}:tried']:,} trials", share >= least, PEERS.get(name, "")
            )
    for key in sorted(found):
        if key.endswith(":tried") and key.removesuffix(":tried") not in bars:
            cell = key.removesuffix(":tried")
            share = found[f"{cell}:found"] / found[key]
            yield Row(f"cells.{cell}", round(share, 4), f"{found[key]:,} trials")


PEERS = {
    "localisation": "Evidently .03-.79, NannyML .58-.79",
    "power_01sd_50col_10k": "Evidently .50, PSI 0 a chunk",
    "hard_power": "null 20 %: Evidently, PSI 0",
}


def _tell(found: Tally, figure: str, cell: str, *, held: bool) -> None:
    for name in (figure, f"{figure}.{cell}"):
        found[f"{name}:tried"] += 1
        found[f"{name}:found"] += held


def _fitted(stream: Stream, seed: int, rows: int) -> tuple[Coded, Detector, np.random.Generator]:
    rng = np.random.default_rng([seed, 5])
    reference = rng.integers(0, stream.table.num_rows, (REFERENCE, rows))
    coded = Coded.of(stream.table, stream.schema, reference.ravel())
    return coded, Detector.fit_batch(coded.batch(reference)), rng


def hard_and_named(stream: Stream, number: int, seed: int) -> Tally:
    """Count hard faults found in the first chunk, and single-column faults of any kind of which the column is named."""
    found: Tally = Counter()
    coded, detector, rng = _fitted(stream, seed, ROWS)
    for fault, broken in _faults(stream, coded, rng).items():
        each = -(-number // max(1, len(broken)))
        for column, faulty in broken.items():
            rows = rng.integers(0, stream.table.num_rows, (each * PATIENCE, ROWS))
            readings = detector.read(faulty.batch(rows))
            for trial in range(each):
                told = first(detector, readings, trial * PATIENCE, PATIENCE)
                if fault in HARD:
                    _tell(found, "hard_power", fault, held=told is not None and told[0] == 1)
                if told is not None:
                    _tell(found, "localisation", fault, held=told[1].columns == (column,))
    return found


HARD = ("unit", "nulls", "rename18", "rename1.6")


def _faults(stream: Stream, coded: Coded, rng: np.random.Generator) -> dict[str, dict[str, Coded]]:
    """Return all rows with each fault in each column that can have it, by fault and column."""
    table, kinds = stream.table, {feature.name: feature.kind for feature in stream.schema.features}
    found: dict[str, dict[str, Coded]] = {name: {} for name in (*HARD, "shift.25sd", "shift.5sd")}
    renamed: dict[str, dict[float, tuple[str, str]]] = {"rename18": {}, "rename1.6": {}}
    for name, kind in kinds.items():
        column = table[name]
        lost = pa.array(rng.random(len(table)) < 0.2)
        found["nulls"][name] = _with(coded, name, pc.if_else(lost, pa.scalar(None, column.type), column))
        if kind is Kind.CATEGORICAL:
            counts = pc.value_counts(column).to_pylist()
            for each in counts:
                share = each["counts"] / len(table)
                for fault, wanted in (("rename18", 0.18), ("rename1.6", 0.016)):
                    if each["values"] is not None and 1 / 1.25 < share / wanted < 1.25:
                        renamed[fault][abs(share - wanted)] = (name, each["values"])
            continue
        values = column.cast(pa.float64())
        deviation = pc.stddev(values).as_py()
        if pc.mean(pc.not_equal(values, 0.0).cast(pa.float64())).as_py() > 0.5:
            found["unit"][name] = _with(coded, name, pc.multiply(values, 1000.0))
        if len(pc.unique(values)) > 100:
            for fault, size in (("shift.25sd", 0.25), ("shift.5sd", 0.5)):
                found[fault][name] = _with(coded, name, pc.add(values, size * deviation))
    for fault, near in renamed.items():
        for _, (name, value) in sorted(near.items())[:1]:
            column = table[name]
            found[fault][name] = _with(coded, name, pc.if_else(pc.equal(column, value), f"{value} (new)", column))
    return found


def _with(coded: Coded, name: str, column: pa.ChunkedArray) -> Coded:
    return coded.with_columns(pa.table({name: column}), [name])


def joint(stream: Stream, number: int, seed: int) -> Tally:
    """Count columns dealt to other rows, which no profile of a single column shows."""
    found: Tally = Counter()
    coded, detector, rng = _fitted(stream, seed, ROWS)
    size, names = stream.table.num_rows, list(coded.slots)
    batch = coded.batch(rng.integers(0, size, (1, 20_000)))
    strength = np.abs(correlations(batch.comoments)[0]) - np.eye(len(names))
    tied = [name for at, name in enumerate(names) if strength[at].max() >= ENTANGLED and not name.startswith("_")]
    each = -(-number // max(1, len(tied)))
    for name in tied:
        slots, values, dealt = dict(coded.slots), dict(coded.values), rng.permutation(size)
        slots[name] = slots[name][dealt]
        if name in values:
            values[name] = values[name][dealt]
        readings = detector.read(
            replace(coded, slots=slots, values=values).batch(rng.integers(0, size, (each * 3, ROWS)))
        )
        for trial in range(each):
            _tell(found, "joint_power", name, held=first(detector, readings, trial * 3, 3) is not None)
    return found


def small_shift(figure: str, rows: int, reference: int, within: int, number: int, seed: int) -> Tally:
    """Count shifts by a tenth of a standard deviation in one of 50 made columns that are found in time."""
    found: Tally = Counter()
    rng = np.random.default_rng([seed, 6])
    model = made(50, seed)
    columns = rng.permutation(model.continuous)[:10]
    each = -(-number // len(columns))
    for name in columns:
        detector = Detector.fit_batch(model.batch(rng, rows, reference))
        batch: Batch = model.shifted(str(name), 0.1).batch(rng, rows, each * within)
        readings = detector.read(batch)
        for trial in range(each):
            told = first(detector, readings, trial * within, within)
            found[f"{figure}:tried"] += 1
            found[f"{figure}:found"] += told is not None
            if told is not None:
                _tell(found, "localisation", figure.removeprefix("power_"), held=told[1].columns == (str(name),))
    return found


def between_days(stream: Stream, number: int, trials: int, seed: int) -> Tally:
    """Count shifts of a column by three standard deviations of its daily means that are found within three days."""
    found: Tally = Counter()
    kinds = {feature.name: feature.kind for feature in stream.schema.features}
    numbers = [name for name, kind in kinds.items() if kind in (Kind.NUMERIC, Kind.INTEGER)]
    each = -(-trials // max(1, number * len(numbers)))
    for drawn in redraws(stream, min(REFERENCE, len(whole_days(stream)[1]) // 2), seed + 100, number):
        rng = np.random.default_rng([seed, 8])
        for name in numbers:
            values = stream.table[name].cast(pa.float64()).to_numpy()
            means = [
                np.nanmean(values[low:high])
                for low, high in zip(drawn.edges[:-1], drawn.edges[1:], strict=True)
                if np.isfinite(values[low:high]).any()
            ]
            shifted = _with(
                drawn.coded, name, pa.chunked_array([pa.array(values + 3 * np.std(means), from_pandas=True)])
            )
            chosen = np.concatenate([rng.permutation(drawn.order)[:3] for _ in range(each)])
            readings = drawn.detector.read(drawn.batch(shifted, chosen))
            for trial in range(each):
                _tell(
                    found, "power_3sd_between_day", name, held=first(drawn.detector, readings, trial * 3, 3) is not None
                )
    return found
