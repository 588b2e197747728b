"""Running detectors over many chunks at once, and cutting real streams into stationary ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from monitor.detection import Batch, Detection, Detector, Readings
from monitor.detection.evidence import DIALS
from tests.benchmarks.streams.coded import Coded
from tests.benchmarks.streams.stream import DAY, Ints, Stream


def count(detector: Detector, readings: Readings) -> dict[float, list[int]]:
    """Return at which chunks there is a detection, by setting of the dial."""
    found: dict[float, list[int]] = {}
    for dial in DIALS:
        asked = detector.with_dial(dial)
        state, found[dial] = asked.start(), []
        for at in range(len(readings.starts)):
            state, detection = asked.advance(state, readings, at)
            if detection is not None:
                found[dial].append(at)
    return found


def first(detector: Detector, readings: Readings, start: int, chunks: int) -> tuple[int, Detection] | None:
    """Return the first detection within so many chunks from ``start``, and after how many it came, counted from 1."""
    state = detector.start()
    for at in range(start, start + chunks):
        state, detection = detector.advance(state, readings, at)
        if detection is not None:
            return at - start + 1, detection
    return None


@dataclass(frozen=True, eq=False)
class Days:
    """A stream's whole days, some of them the reference and the others in random order.

    Attributes:
        coded: all rows, in the bins of the reference's days.
        detector: fitted on them.
        order: the other days, in random order.
        edges: the first row of each day, and the end.
        starts: when each day began.
    """

    coded: Coded
    detector: Detector
    order: Ints
    edges: Ints
    starts: list[datetime]

    def batch(self, coded: Coded, chosen: Ints) -> Batch:
        """Profile some days, in the order given."""
        return day_batch(coded, chosen, self.edges, self.starts)


def day_batch(coded: Coded, chosen: Ints, edges: Ints, starts: list[datetime]) -> Batch:
    """Profile some days, in the order given."""
    rows, group = day_rows(chosen, edges)
    return coded.grouped(rows, group, len(chosen), [starts[day] for day in chosen])


def day_rows(chosen: Ints, edges: Ints) -> tuple[Ints, Ints]:
    """Return the rows of some days, and which of the given days each belongs to."""
    rows = np.concatenate([np.arange(edges[day], edges[day + 1]) for day in chosen])
    return rows, np.repeat(np.arange(len(chosen)), edges[chosen + 1] - edges[chosen])


def whole_days(stream: Stream) -> tuple[Ints, list[datetime]]:
    """Return the first row of each whole day, and the end, and when the days began.

    The first and the last day, which the stream may have cut, and days without rows are left out. So are days at
    either end on which a column that is mostly there is missing altogether: an outage is a fault, and a detection of
    it no false alarm. (Flights have no weather on 31 December.)
    """
    chunks = stream.times // DAY
    days, firsts = np.unique(chunks, return_index=True)
    starts = [datetime.fromtimestamp(int(day) * DAY // 1_000_000, UTC) for day in days]
    ends = np.append(firsts[1:], len(chunks))
    sound = [at for at in range(1, len(days) - 1) if not _outage(stream, int(firsts[at]), int(ends[at]))]
    low, high = sound[0], sound[-1]
    return np.append(firsts[low : high + 1], ends[high]), starts[low : high + 1]


def _outage(stream: Stream, first: int, last: int) -> bool:
    columns = stream.table.columns
    lost = [column.slice(first, last - first).null_count == last - first for column in columns]
    return any(gone and column.null_count < len(column) / 2 for gone, column in zip(lost, columns, strict=True))


def redraws(stream: Stream, reference: int, seed: int, number: int) -> Iterator[Days]:
    """Yield redraws of a stream's whole days: so many of them as the reference, the others as traffic."""
    edges, starts = whole_days(stream)
    for redraw in range(number):
        rng = np.random.default_rng([seed, redraw, 77])
        order = rng.permutation(len(starts))
        chosen = np.sort(order[:reference])
        coded = Coded.of(stream.table, stream.schema, day_rows(chosen, edges)[0])
        detector = Detector.fit_batch(day_batch(coded, chosen, edges, starts))
        yield Days(coded, detector, order[reference:], edges, starts)
