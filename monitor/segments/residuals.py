"""Sums of segments as statistics: how far truth lies from what was predicted, and how much more it varies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.profile.outcome import UNIT
from monitor.profile.segment_sums import CLASSIFICATION, Segment, SegmentSums
from monitor.profile.values import Floats, Ints

CHANNELS = ("residual", "excess")
"""``residual``: truth − prediction. ``excess``: Brier score beyond that of calibrated probabilities, (y−p)² − p(1−p);
of a regression or a ranking (1 − nDCG) the squared residual. Labels that are flipped both ways cancel in the first and
add up in the second."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """M chunks of S segments, in C = 2 channels.

    Attributes:
        segments: the segments.
        n: labelled rows, [M, S].
        total: sums of the channels, [M, S, C].
        variance: sums over rows of the variance that the predictions imply, [M, S, C]; None where predictions
            imply none, as of a regression and a ranking.
        third: sums of the third central moments, likewise.
        powers: of these, the sums of e, e², e³, e⁴, e⁶, [M, S, 5]; None for others.
    """

    segments: tuple[Segment, ...]
    n: Floats
    total: Floats
    variance: Floats | None
    third: Floats | None
    powers: Floats | None = None

    @classmethod
    def of(cls, chunks: Sequence[SegmentSums]) -> "Residuals":
        """Return the residuals of chunks, at least one, all of one model and binning."""
        first = chunks[0]
        return cls.of_counts(first.segments, first.names, np.stack([chunk.counts for chunk in chunks]))

    @classmethod
    def of_counts(cls, segments: tuple[Segment, ...], names: Sequence[str], counts: Ints) -> "Residuals":
        """Return the residuals of counters [M, 1 + S, sums], see `monitor.profile.segment_sums`."""
        by_name = {name: counts[:, 1:, at] / (1 if name in ("n", "y") else UNIT) for at, name in enumerate(names)}

        def stacked(*chosen: str) -> Floats:
            return np.stack([by_name[name] for name in chosen], axis=-1)

        n: Floats = np.maximum(by_name["n"].astype(np.float64), 0.0)
        if tuple(names) != CLASSIFICATION:
            return cls(segments, n, stacked("e", "e2"), None, None, stacked("e", "e2", "e3", "e4", "e6"))
        total = np.stack([by_name["y"] - by_name["p"], by_name["brier"] - by_name["v"]], axis=-1)
        return cls(segments, n, total, stacked("v", "brier_v"), stacked("third", "brier_third"))

    def take(self, chunks: Ints | slice) -> "Residuals":
        """Return some of the chunks."""
        return Residuals(
            self.segments,
            self.n[chunks],
            self.total[chunks],
            None if self.variance is None else self.variance[chunks],
            None if self.third is None else self.third[chunks],
            None if self.powers is None else self.powers[chunks],
        )


@dataclass(frozen=True, eq=False)
class Apart:
    """What sets segments apart from the rest of their chunks: M chunks, or sums over several, all of which add up.

    Attributes:
        n: labelled rows, [M, S].
        squares: sums over chunks of their n², [M, S]: what varies from chunk to chunk averages out over n² ÷ squares
            chunks, which are fewer than were summed where a segment has its rows in few of them.
        total: sums over rows of what they are off by, beyond their segment's past and their chunk, [M, S, C].
        variance: of these sums, by sampling, [M, S, C].
        third: their third central moments, likewise.
    """

    n: Floats
    squares: Floats
    total: Floats
    variance: Floats
    third: Floats

    @property
    def mean(self) -> Floats:
        """By how much a row of each segment is off on average, [M, S, C]."""
        found: Floats = self.total / np.maximum(self.n, 1)[..., None]
        return found

    def last(self, chunks: int) -> "Apart":
        """Return, for each chunk, the sums over it and those before it, so many in all (fewer at the beginning)."""
        sums = (self.n, self.squares, self.total, self.variance, self.third)
        return self if chunks == 1 else Apart(*(_moving(each, chunks) for each in sums))


def _moving(sums: Floats, chunks: int) -> Floats:
    reached = np.cumsum(sums, axis=0)
    before = np.concatenate([np.zeros_like(reached[:1]).repeat(min(chunks, len(reached)), 0), reached])
    found: Floats = reached - before[: len(reached)]
    return found
