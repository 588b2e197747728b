"""Labels flipped in one segment: whether the scan finds it, names it, and is silent where nothing is wrong."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np

from monitor.detection.evidence import PERIOD
from monitor.jobs.performance import MIN_LABELS
from monitor.segments import Hit, Residuals, Scan, ScanState
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.trials import day_rows, whole_days
from tests.benchmarks.streams.labelled import Labelled
from tests.benchmarks.streams.stream import Stream

TRIALS = 600
REFERENCE = 60
CALM, WITHIN = 6, 3
FLIPPED = 0.3
SHARES = (0.08, 0.12)
CHUNKS = {1_000: 6_000, 10_000: 1_200}
DAY_REDRAWS = 10
DAYS = 120
AT_ONCE = 100  # chunks that are summed at a time, bounded in memory

Tally = Counter[str]


def measure(options: Options) -> Iterator[Row]:
    """Measure power, names and false alarms over all streams with labels and probabilities."""
    streams = [stream for stream in options.streams() if Labelled.of(stream) is not None]
    found: Tally = Counter()
    works = [partial(flips, stream, options.trials(TRIALS)) for stream in streams]
    works += [
        partial(silence, stream, rows, options.trials(chunks)) for stream in streams for rows, chunks in CHUNKS.items()
    ]
    works += [
        partial(day_silence, stream, options.trials(DAY_REDRAWS))
        for stream in streams
        if stream.chunk is None and len(whole_days(stream)[1]) >= DAYS
    ]
    for work in works:
        for part in spread(work, options.seeds, options.workers):
            found += part
    if found["tried"]:
        share = found["found"] / found["tried"]
        note = f"{found['tried']:,} trials within {WITHIN} chunks of 1,000 labels"
        yield Row("segment_found", round(share, 4), f"≥ 90 %; {note}", share >= 0.9, "accuracy − 3 sd: 0 %")
        named = found["named"] / max(1, found["found"])
        yield Row("segment_named", round(named, 4), "≥ 95 % of those found", named >= 0.95)
    for rows in CHUNKS:
        label = f"{rows // 1_000}k"
        if found[f"{label}:chunks"]:
            rate = found[f"{label}:false"] / found[f"{label}:chunks"] * PERIOD
            note = f"≤ 1; {found[f'{label}:false']} in {found[f'{label}:chunks']:,} chunks"
            yield Row(f"segment_false_per_90d_{label}", round(rate, 3), note, rate <= 1)
    for key in sorted(found):
        if key.startswith("cell.") and key.endswith(":tried"):
            cell = key.removesuffix(":tried")
            yield Row(f"cells.{cell[5:]}", round(found[f"{cell}:found"] / found[key], 4), f"{found[key]:,} trials")
        if key.startswith("days.") and key.endswith(":chunks"):
            cell = key.removesuffix(":chunks")
            rate = found[f"{cell}:false"] / found[key] * PERIOD
            note = f"≤ 1; {found[f'{cell}:false']} in {found[key]:,} whole days"
            yield Row(f"cells.segment_false_{cell[5:]}_days", round(rate, 3), note, rate <= 1)
            rate = found[f"{cell}:hit"] / found[key] * PERIOD
            note = f"≤ 2 days of 90 beyond the threshold; {found[f'{cell}:hit']} in {found[key]:,}"
            yield Row(f"cells.segment_beyond_{cell[5:]}_days", round(rate, 3), note, rate <= 2)


def _labelled(stream: Stream) -> Labelled:
    labelled = Labelled.of(stream)
    if labelled is None:
        raise ValueError(f"{stream.name} has no labels with probabilities")
    return labelled


def _fitted(labelled: Labelled, rows: int, rng: np.random.Generator) -> Scan:
    return Scan.fit(labelled.even(rng.integers(0, len(labelled.p), (REFERENCE, rows))))


def _first(scan: Scan, chunks: Residuals, start: int) -> tuple[int, Hit] | None:
    """Return the first hit from a chunk on, and after how many chunks it came, counted from 1."""
    z, state = scan.read(chunks), ScanState()
    for at in range(start, len(chunks.n)):
        state, hit = scan.advance(chunks, z, at, state)
        if hit is not None:
            return at - start + 1, hit
    return None


def flips(stream: Stream, number: int, seed: int) -> Tally:
    """Flip 30 % of the labels of segments of about a tenth of the rows, after some calm chunks."""
    found: Tally = Counter()
    labelled, rng = _labelled(stream), np.random.default_rng([seed, 31])
    scan = _fitted(labelled, 1_000, rng)
    near = np.flatnonzero((labelled.shares > SHARES[0]) & (labelled.shares < SHARES[1]))
    for trial in range(number if len(near) else 0):
        segment = near[(trial * len(near)) // number]
        rows = rng.integers(0, len(labelled.p), (CALM + WITHIN, 1_000))
        inside = (labelled.places[:, rows] == segment).any(axis=0)
        flipped = inside & (rng.random(rows.shape) < FLIPPED)
        flipped[:CALM] = False
        told = _first(scan, labelled.even(rows, np.abs(labelled.y[rows] - flipped)), CALM)
        named = told is not None and told[1].segment == labelled.segments[segment]
        cell = f"cell.segment_{stream.name}"
        found.update({"tried": 1, "found": int(told is not None), "named": int(named)})
        found.update({f"{cell}_in_3:tried": 1, f"{cell}_in_3:found": int(told is not None)})
        found.update({f"{cell}_in_1:tried": 1, f"{cell}_in_1:found": int(told is not None and told[0] == 1)})
    return found


def silence(stream: Stream, rows: int, number: int, seed: int) -> Tally:
    """Count incidents over chunks of rows drawn from the same rows as the reference."""
    labelled, rng = _labelled(stream), np.random.default_rng([seed, 32, rows])
    scan = _fitted(labelled, rows, rng)
    false, state, left = 0, ScanState(), number
    while left > 0:
        size = min(left, AT_ONCE)
        chunks = labelled.even(rng.integers(0, len(labelled.p), (size, rows)))
        false += _incidents(scan, chunks, state)[0]
        left -= size
    label = f"{rows // 1_000}k"
    return Counter({f"{label}:false": false, f"{label}:chunks": number})


def day_silence(stream: Stream, number: int, seed: int) -> Tally:
    """Count incidents over whole real days in random order, against other days of the same stream.

    Days with fewer labels than the job asks for are left out: it says of them that they are too few.
    """
    labelled = _labelled(stream)
    edges = np.searchsorted(labelled.rows, whole_days(stream)[0])
    judged = np.flatnonzero(np.diff(edges) >= MIN_LABELS)
    if len(judged) < DAYS:
        return Counter()
    days = min(DAYS, len(judged) // 2)
    false = hit = chunks = 0
    for redraw in range(number):
        order = np.random.default_rng([seed, 33, redraw]).permutation(judged)
        past, later = order[:days], order[days:]
        scan = Scan.fit(labelled.chunks(*day_rows(past, edges), len(past)))
        new, all_hits = _incidents(scan, labelled.chunks(*day_rows(later, edges), len(later)), ScanState())
        false, hit, chunks = false + new, hit + all_hits, chunks + len(later)
    cell = f"days.{stream.name}"
    return Counter({f"{cell}:false": false, f"{cell}:hit": hit, f"{cell}:chunks": chunks})


def _incidents(scan: Scan, chunks: Residuals, state: ScanState) -> tuple[int, int]:
    """Return how many incidents open, and how many chunks have a hit: an incident that never ends is only one."""
    z, new, hits = scan.read(chunks), 0, 0
    for at in range(len(chunks.n)):
        state, hit = scan.advance(chunks, z, at, state)
        new, hits = new + (hit is not None and hit.new), hits + (hit is not None)
    return new, hits
