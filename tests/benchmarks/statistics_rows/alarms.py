"""False alarms where nothing is wrong: rows drawn at random, made models, and whole days in random order."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.stats import chi2

from monitor.detection import Detector
from monitor.detection.evidence import DIALS, PERIOD
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.trials import count, redraws, whole_days
from tests.benchmarks.streams.coded import Coded, days
from tests.benchmarks.streams.made import made
from tests.benchmarks.streams.stream import Stream

CHUNKS = 20_000
REDRAWS = 20
REFERENCE = {1_000: 120, 10_000: 60, 50_000: 60}
DAY_REDRAWS = 40
DAYS = 120
ALLOWED = 1.25

Part = tuple[dict[float, int], int, dict[float, list[tuple[int, int]]]]
"""Detections by dial, chunks, and by dial (redraw's day, detections) pairs for the bootstrap by day."""


def measure(options: Options) -> Iterator[Row]:
    """Measure the rate at every setting of the dial, control by control."""
    rises = []
    for name, work, calm in controls(options):
        parts = list(spread(work, options.seeds, options.workers))
        chunks = sum(part[1] for part in parts)
        rates = {}
        for dial in DIALS:
            found = sum(part[0][dial] for part in parts)
            rates[dial] = found / chunks * PERIOD
            ratio = (chi2.ppf(0.95, 2 * found + 2) / 2 / chunks * PERIOD if calm else rates[dial]) / dial
            note = f"{found} in {chunks:,} chunks"
            if not calm:
                low, high = by_day([each for part in parts for each in part[2][dial]])
                note += f"; {low:.2f} to {high:.2f} by day (95 %)"
            yield Row(f"detections_per_90d.{name}.{dial:g}", round(rates[dial], 3), f"asked {dial:g}; {note}", None)
            said = "95 % bound" if calm else "estimate"
            yield Row(f"dial_ratio.{name}.{dial:g}", round(ratio, 3), f"{said} ≤ {ALLOWED}", ratio <= ALLOWED)
        rises.append(rates[0.5] < rates[1.0] < rates[3.0])
    yield Row("dial_rises", all(rises), "every control", all(rises))


def controls(options: Options) -> Iterator[tuple[str, partial[Part], bool]]:
    """Yield each control's name, what measures it for one seed, and whether its rows are drawn independently."""
    for stream in options.streams():
        chunks = options.trials(CHUNKS)
        yield f"{stream.name}_iid_1k", partial(rows_drawn, stream, 1_000, chunks, options.trials(REDRAWS)), True
    for columns, rows in ((20, 1_000), (50, 10_000), (50, 50_000)):
        work = partial(counts_drawn, columns, rows, options.trials(CHUNKS), options.trials(REDRAWS))
        yield f"made{columns}_iid_{rows // 1_000}k", work, True
    for stream in options.streams():
        if stream.chunk is None and len(whole_days(stream)[1]) >= DAYS // 2:
            yield f"{stream.name}_days", partial(days_shuffled, stream, options.trials(DAY_REDRAWS)), False


def rows_drawn(stream: Stream, rows: int, chunks: int, number: int, seed: int) -> Part:
    """Count detections over chunks of rows drawn from a stream's reference part and what follows, all alike."""
    found, population = dict.fromkeys(DIALS, 0), stream.table.num_rows
    for redraw in range(number):
        rng = np.random.default_rng([seed, redraw])
        reference = rng.integers(0, population, (REFERENCE[rows], rows))
        coded = Coded.of(stream.table, stream.schema, reference.ravel())
        detector = Detector.fit_batch(coded.batch(reference))
        each = chunks // number
        batch = coded.batch(rng.integers(0, population, (each, rows)), days(each, len(reference)))
        for dial, at in count(detector, detector.read(batch)).items():
            found[dial] += len(at)
    return found, chunks // number * number, {}


def counts_drawn(columns: int, rows: int, chunks: int, number: int, seed: int) -> Part:
    """Count detections over chunks of a made model."""
    found = dict.fromkeys(DIALS, 0)
    for redraw in range(number):
        rng = np.random.default_rng([seed, redraw])
        model = made(columns, seed)
        detector = Detector.fit_batch(model.batch(rng, rows, REFERENCE[rows]))
        batch = model.batch(rng, rows, chunks // number, REFERENCE[rows])
        for dial, at in count(detector, detector.read(batch)).items():
            found[dial] += len(at)
    return found, chunks // number * number, {}


def days_shuffled(stream: Stream, number: int, seed: int) -> Part:
    """Count detections over whole real days in random order, against other days of the same stream."""
    found, chunks = dict.fromkeys(DIALS, 0), 0
    pairs: dict[float, list[tuple[int, int]]] = {dial: [] for dial in DIALS}
    reference = min(DAYS, len(whole_days(stream)[1]) // 2)
    for drawn in redraws(stream, reference, seed, number):
        readings = drawn.detector.read(drawn.batch(drawn.coded, drawn.order))
        for dial, at in count(drawn.detector, readings).items():
            found[dial] += len(at)
            pairs[dial] += [(int(day), int(place in set(at))) for place, day in enumerate(drawn.order)]
        chunks += len(drawn.order)
    return found, chunks, pairs


def by_day(pairs: list[tuple[int, int]], draws: int = 2_000) -> tuple[float, float]:
    """Return a 95 % interval of the rate per 90 days, by drawing days again: an odd day is odd in every redraw."""
    day = np.array([each for each, _ in pairs])
    hit = np.array([each for _, each in pairs])
    seen, hits = np.bincount(day), np.bincount(day, hit)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(seen), np.full(len(seen), 1 / len(seen)), draws)
    rates = (drawn @ hits) / np.maximum(drawn @ seen, 1) * PERIOD
    low, high = np.quantile(rates, [0.025, 0.975])
    return float(low), float(high)
