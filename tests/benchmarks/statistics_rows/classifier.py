"""The classifier's part in the evidence: what it adds to false alarms, and what it finds by itself.

A test takes a tenth of a second, so that it is made on some hundred chunks and not on twenty thousand: detections with
and without it are counted on the same chunks. It has a fifth of the evidence of how columns go together.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from monitor.detection.evidence import PERIOD
from monitor.detection.samples import SampleLaw
from monitor.profile.ranks import REACH
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.power import ENTANGLED, _fitted
from tests.benchmarks.statistics_rows.trials import count
from tests.benchmarks.streams.coded import Coded, days
from tests.benchmarks.streams.stream import Floats, Ints, Stream

CHUNKS, TRIALS = 400, 100
REFERENCE, ROWS = 30, 500
LOUD = 2.5  # deviations

Tally = Counter[str]


def measure(options: Options) -> Iterator[Row]:
    """Measure the classifier on every stream."""
    found: Tally = Counter()
    for stream in options.streams():
        for part in spread(partial(trial, stream, options), options.seeds, options.workers):
            found += part
    for name in ("without", "with"):
        rate = found[f"{name}:detections"] / max(1, found["chunks"]) * PERIOD
        note = f"asked 1; {found[f'{name}:detections']} in {found['chunks']:,} chunks"
        yield Row(f"cells.detections_per_90d_{name}_classifier", round(rate, 3), note)
    loud = found["loud"] / max(1, found["chunks"])
    yield Row("cells.classifier_beyond_2.5_sd", round(loud, 4), "0.6 % by chance")
    if found["dealt"]:
        share = found["dealt:found"] / found["dealt"]
        note = f"{found['dealt']} trials: a column dealt to other rows, beyond 2.5 sd in a chunk of {ROWS} rows"
        yield Row("cells.classifier_power", round(share, 4), note)


def trial(stream: Stream, options: Options, seed: int) -> Tally:
    """Count over chunks of rows drawn at random, and over chunks in which a column was dealt to other rows."""
    found: Tally = Counter()
    coded, detector, rng = _fitted(stream, seed, 1_000)
    size, names = stream.table.num_rows, tuple(coded.slots)
    reference = rng.integers(0, size, (REFERENCE, ROWS))
    law = SampleLaw.fit(names, _ranks(coded, reference.ravel()), np.repeat(np.arange(REFERENCE), ROWS))
    if law is None:
        raise ValueError(f"{stream.name} has no columns to compare")
    number = options.trials(CHUNKS)
    drawn = rng.integers(0, size, (number, 1_000))
    batch = coded.batch(drawn, days(number, REFERENCE))
    z = np.array([_z(law, coded, rows[:ROWS], at) for at, rows in enumerate(drawn)])
    found["chunks"] += number
    found["loud"] += int((z > LOUD).sum())
    for name, told in (("without", None), ("with", z)):
        found[f"{name}:detections"] += len(count(detector, detector.read(replace(batch, separation=told)))[1.0])
    ranks = _ranks(coded, rng.integers(0, size, 20_000))
    strength = np.abs(np.nan_to_num(np.corrcoef(ranks.T))) - np.eye(len(names))
    tied = [name for at, name in enumerate(names) if strength[at].max() >= ENTANGLED and not name.startswith("_")]
    for at in range(options.trials(TRIALS) if tied else 0):
        name = tied[at % len(tied)]
        dealt = replace(coded, slots={**coded.slots, name: coded.slots[name][rng.permutation(size)]})
        found["dealt"] += 1
        found["dealt:found"] += _z(law, dealt, rng.integers(0, size, ROWS), at) > LOUD
    return found


def _z(law: SampleLaw, coded: Coded, rows: Ints, seed: int) -> float:
    told = law.told(_ranks(coded, rows), seed)
    return np.nan if told is None else told.z


def _ranks(coded: Coded, rows: Ints) -> Floats:
    return np.stack([coded.codes[name][slots[rows]] for name, slots in coded.slots.items()], axis=1) / REACH
