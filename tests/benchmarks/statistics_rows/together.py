"""All that speaks, counted as an owner counts: columns, faults, pairs, the classifier and the scan of segments as one.

Each of them has its share of the dial, and the shares add to it. Here they judge the same chunks of rows drawn at
random, and all their incidents are held to the dial together. What the classifier finds by itself, and how often it is
loud by chance, is measured beside it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.stats import chi2

from monitor.detection import Detector, Readings
from monitor.detection.evidence import PERIOD
from monitor.detection.samples import SampleLaw
from monitor.profile.ranks import REACH
from monitor.segments import Scan, ScanState
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.alarms import ALLOWED
from tests.benchmarks.statistics_rows.power import ENTANGLED
from tests.benchmarks.streams.coded import Coded, days
from tests.benchmarks.streams.labelled import Labelled
from tests.benchmarks.streams.stream import Floats, Ints, Stream

CHUNKS, TRIALS, REDRAWS = 8_000, 500, 10
REFERENCE, ROWS = 120, 1_000
SAMPLES, SAMPLE = 30, 500  # chunks the classifier learns its null from, and rows of a chunk it looks at
LOUD = 2.5  # deviations
KINDS = ("fault", "drift", "joint", "segment")

Tally = Counter[str]


def measure(options: Options) -> Iterator[Row]:
    """Measure every stream; the scan speaks where rows have labels and probabilities."""
    for stream in options.streams():
        found: Tally = Counter()
        for part in spread(partial(control, stream, options), options.seeds, options.workers):
            found += part
        yield from _rows(f"{stream.name}_iid_1k_together", found)


def _rows(name: str, found: Tally) -> Iterator[Row]:
    chunks, told = max(1, found["chunks"]), sum(found[kind] for kind in KINDS)
    by_kind = ", ".join(f"{found[kind]} {kind}" for kind in KINDS)
    note = f"asked 1; {told} in {chunks:,} chunks: {by_kind}"
    yield Row(f"detections_per_90d.{name}.1", round(told / chunks * PERIOD, 3), note)
    ratio = chi2.ppf(0.95, 2 * told + 2) / 2 / chunks * PERIOD
    yield Row(
        f"dial_ratio.{name}.1", round(ratio, 3), f"95 % bound ≤ {ALLOWED}; all channels together", ratio <= ALLOWED
    )
    silent = found["without_classifier"] / chunks * PERIOD
    yield Row(f"cells.detections_per_90d_without_classifier.{name}", round(silent, 3), "faults, drift and joint alone")
    yield Row(f"cells.classifier_loud.{name}", round(found["loud"] / chunks, 4), f"beyond {LOUD} sd; 0.6 % by chance")
    if found["dealt"]:
        note = f"{found['dealt']} trials: a column dealt to other rows, beyond {LOUD} sd in one chunk of {SAMPLE} rows"
        yield Row(f"cells.classifier_power.{name}", round(found["dealt:found"] / found["dealt"], 4), note)


def control(stream: Stream, options: Options, seed: int) -> Tally:
    """Count incidents of every kind over chunks of rows drawn from the stream, all alike, in some redraws."""
    found: Tally = Counter()
    labelled = Labelled.of(stream)
    population = np.arange(stream.table.num_rows) if labelled is None else labelled.rows
    redraws = options.trials(REDRAWS)
    chunks, trials = options.trials(CHUNKS) // redraws, -(-options.trials(TRIALS) // redraws)
    for redraw in range(redraws):
        rng = np.random.default_rng([seed, redraw, 41])
        past = rng.integers(0, len(population), (REFERENCE, ROWS))
        now = rng.integers(0, len(population), (chunks, ROWS))
        coded = Coded.of(stream.table, stream.schema, population[past].ravel())
        detector = Detector.fit_batch(coded.batch(population[past]))
        law = _law(coded, population[past[:SAMPLES, :SAMPLE]])
        batch = coded.batch(population[now], days(chunks, REFERENCE))
        z = np.array([_z(law, coded, population[rows[:SAMPLE]], at) for at, rows in enumerate(now)])
        found += _kinds(detector, detector.read(replace(batch, separation=z)))
        found["without_classifier"] += sum(_kinds(detector, detector.read(batch)).values())
        found["segment"] += 0 if labelled is None else _segments(labelled, past, now)
        found["loud"] += int((z > LOUD).sum())
        found["chunks"] += chunks
        found += _dealt(law, coded, population, trials, rng)
    return found


def _kinds(detector: Detector, readings: Readings) -> Tally:
    """Count detections by kind."""
    found, state = Counter[str](), detector.start()
    for at in range(len(readings.starts)):
        state, detection = detector.advance(state, readings, at)
        if detection is not None:
            found[detection.kind] += 1
    return found


def _segments(labelled: Labelled, past: Ints, now: Ints) -> int:
    scan, chunks, state, found = Scan.fit(labelled.even(past)), labelled.even(now), ScanState(), 0
    z = scan.read(chunks)
    for at in range(len(now)):
        state, hit = scan.advance(chunks, z, at, state)
        found += hit is not None and hit.new
    return found


def _dealt(law: SampleLaw, coded: Coded, population: Ints, trials: int, rng: np.random.Generator) -> Tally:
    """Count how often the classifier is loud in a chunk in which one column was dealt to other rows."""
    ranks, names = _ranks(coded, population), list(coded.slots)
    strength = np.abs(np.nan_to_num(np.corrcoef(ranks[rng.integers(0, len(ranks), 20_000)].T))) - np.eye(len(names))
    tied = [at for at, name in enumerate(names) if strength[at].max() >= ENTANGLED and name[0] != "_"]
    found: Tally = Counter()
    for trial in range(trials if tied else 0):
        rows, column = ranks[rng.integers(0, len(ranks), SAMPLE)], tied[trial % len(tied)]
        rows[:, column] = rng.permutation(rows[:, column])
        told = law.told(rows, trial)
        found.update({"dealt": 1, "dealt:found": int(told is not None and told.z > LOUD)})
    return found


def _law(coded: Coded, rows: Ints) -> SampleLaw:
    law = SampleLaw.fit(tuple(coded.slots), _ranks(coded, rows.ravel()), np.repeat(np.arange(len(rows)), rows.shape[1]))
    if law is None:
        raise ValueError("the stream has no columns to compare")
    return law


def _z(law: SampleLaw, coded: Coded, rows: Ints, seed: int) -> float:
    told = law.told(_ranks(coded, rows), seed)
    return np.nan if told is None else told.z


def _ranks(coded: Coded, rows: Ints) -> Floats:
    return np.stack([coded.codes[name][slots[rows]] for name, slots in coded.slots.items()], axis=1) / REACH
