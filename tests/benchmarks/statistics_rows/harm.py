"""Harm and mere drift: labels that turn against a model are paged, inputs that move without harm are not.

A chunk is *harmful* if its labels say so: its loss is more than two standard errors beyond what is tolerated. It is
*benign drift* if its inputs moved by a tilt of a whole column and rows like it lose no more than is tolerated, or, as
time went on in the real stream, if its own loss is tolerated. Tolerance is the default one, from reference chunks.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np

from monitor.profile.values import Floats, Ints
from monitor.triage import Bound, Finding, Harm, Loss, bound, harm, triage
from tests.benchmarks.statistics_rows import Options, Row, spread
from tests.benchmarks.statistics_rows.trials import day_rows, whole_days
from tests.benchmarks.streams.labelled import Labelled
from tests.benchmarks.streams.stream import Stream

TRIALS = 120
REFERENCE, ROWS = 60, 1_000
CALM, HARMED = 10, 6
FLIPPED = (0.15, 0.3, 0.5)
TILT = 1.0
DRIFT = Finding("drift", (), "inputs moved")

Tally = Counter[str]


def measure(options: Options) -> Iterator[Row]:
    """Measure both shares over all streams with labels and probabilities."""
    streams = [stream for stream in options.streams() if Labelled.of(stream) is not None]
    number = options.trials(TRIALS)
    works = [partial(turned, stream, number) for stream in streams]
    works += [partial(tilted, stream, number) for stream in streams]
    found: Tally = Counter()
    for work in works:
        for part in spread(work, options.seeds, options.workers):
            found += part
    for part in spread(as_it_was, streams, options.workers):
        found += part
    bars = {"harm_paged": (0.8, "≥ 80 %", True), "benign_paged": (0.1, "≤ 10 %", False)}
    for name, (asked, bar, least) in bars.items():
        if found[f"{name}:tried"]:
            share = found[f"{name}:paged"] / found[f"{name}:tried"]
            held = share >= asked if least else share <= asked
            peer = "drift alerts: 100 %" if not least else "CBPE 0 of 15"
            yield Row(name, round(share, 4), f"{bar}; {found[f'{name}:tried']:,} chunks", held, peer)
    for key in sorted(found):
        cell = key.removesuffix(":tried")
        if key.endswith(":tried") and cell not in bars:
            yield Row(f"cells.{cell}", round(found[f"{cell}:paged"] / found[key], 4), f"{found[key]:,} chunks")


def _labelled(stream: Stream) -> Labelled:
    labelled = Labelled.of(stream)
    if labelled is None:
        raise ValueError(f"{stream.name} has no labels with probabilities")
    return labelled


def _losses(wrong: Floats, group: Ints, count: int) -> list[Loss]:
    rows, total = np.bincount(group, minlength=count), np.bincount(group, wrong, count)
    return [Loss(int(n), float(each), float(each)) for n, each in zip(rows, total, strict=True)]


def _paged(known: list[Harm], at: int, tolerated: Bound) -> bool:
    """Return whether a harm was told by a chunk's labels or those of the next, and is not over."""
    return any(each.open for each in known[at : at + 2]) or any(
        triage([DRIFT], tolerated=tolerated, realised=each).pages for each in known[at : at + 2]
    )


def _judge(found: Tally, cell: str, losses: list[Loss], start: int, tolerated: Bound) -> None:
    """Count which harmful chunks are paged, from a place on at which one more chunk follows."""
    known = harm(losses, tolerated.most)
    for at in range(start, len(losses) - 1):
        if _harmful(losses[at], tolerated):
            paged = _paged(known, at, tolerated)
            for name in ("harm_paged", f"harm_{cell}"):
                found.update({f"{name}:tried": 1, f"{name}:paged": int(paged)})


def _harmful(loss: Loss, tolerated: Bound) -> bool:
    error = np.sqrt(loss.variance / max(1, loss.rows))
    return loss.rows > 0 and loss.mean > tolerated.most + 2 * float(error)


def turned(stream: Stream, number: int, seed: int) -> Tally:
    """Flip a share of all labels from one chunk on: rows drawn at random, and whole real days where there are any."""
    found: Tally = Counter()
    labelled, rng = _labelled(stream), np.random.default_rng([seed, 41])
    wrong = labelled.losses()
    for trial in range(number):
        share = FLIPPED[trial % len(FLIPPED)]
        for cell, rows, group, start in _sequences(stream, labelled, rng):
            count = int(group.max()) + 1
            flipped = (rng.random(len(rows)) < share) & (group >= start + CALM)
            losses = _losses(np.abs(wrong[rows] - flipped), group, count)
            tolerated = bound("accuracy", losses[:start])
            if tolerated is not None:
                _judge(found, f"{stream.name}_{cell}", losses[start:], CALM, tolerated)
    return found


def _sequences(stream: Stream, labelled: Labelled, rng: np.random.Generator) -> Iterator[tuple[str, Ints, Ints, int]]:
    """Yield rows and their chunks: reference chunks (how many is last), calm ones, and those that are to be harmed."""
    count = REFERENCE + CALM + HARMED
    rows = rng.integers(0, len(labelled.p), count * ROWS)
    yield "rows", rows, np.repeat(np.arange(count), ROWS), REFERENCE
    if stream.chunk is None and len(whole_days(stream)[1]) >= count:
        edges = np.searchsorted(labelled.rows, whole_days(stream)[0])
        chosen = rng.permutation(len(edges) - 1)[:count]
        yield "days", *day_rows(chosen, edges), REFERENCE


def tilted(stream: Stream, number: int, seed: int) -> Tally:
    """Move the inputs by drawing rows in favour of high or low values of one column, labels as they are."""
    found: Tally = Counter()
    labelled, rng = _labelled(stream), np.random.default_rng([seed, 42])
    wrong, size = labelled.losses(), len(labelled.p)
    for trial in range(number):
        place = labelled.places[trial % len(labelled.places)]
        ranks = (place - place.min()) / max(1, np.ptp(place))
        weight = np.exp(TILT * rng.choice([-2.0, 2.0]) * ranks)
        weight /= weight.sum()
        reference = wrong[rng.integers(0, size, REFERENCE * ROWS)]
        losses = _losses(reference, np.repeat(np.arange(REFERENCE), ROWS), REFERENCE)
        tolerated = bound("accuracy", losses)
        if tolerated is None or float(weight @ wrong) > tolerated.most:
            continue
        rows = rng.choice(size, HARMED * ROWS, p=weight)
        known = harm(_losses(wrong[rows], np.repeat(np.arange(HARMED), ROWS), HARMED), tolerated.most)
        for each in known:
            paged = bool(triage([DRIFT], tolerated=tolerated, realised=each).pages)
            for name in ("benign_paged", f"benign_{stream.name}_tilted"):
                found.update({f"{name}:tried": 1, f"{name}:paged": int(paged)})
    return found


def as_it_was(stream: Stream) -> Tally:
    """Judge the chunks that came after the stream's own reference, in order of time."""
    found: Tally = Counter()
    labelled = _labelled(stream)
    chunk = stream.chunks[labelled.rows]
    first = chunk[np.searchsorted(labelled.rows, stream.reference)] - chunk[0]
    losses = _losses(labelled.losses(), chunk - chunk[0], int(chunk[-1] - chunk[0]) + 1)
    tolerated = bound("accuracy", losses[:first])
    if tolerated is None:
        return found
    _judge(found, f"{stream.name}_as_it_was", losses[first:], 0, tolerated)
    for loss, each in zip(losses[first:], harm(losses[first:], tolerated.most), strict=True):
        if loss.rows and loss.mean <= tolerated.most:
            for name in ("benign_paged", f"benign_{stream.name}_as_it_was"):
                found.update({f"{name}:tried": 1, f"{name}:paged": int(each.new)})
    return found
