"""The scan: every segment, both channels, one chunk after another; at most one incident at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detection.evidence import SEGMENT_SHARE
from monitor.errors import InvalidInput
from monitor.profile.segment_sums import Segment, SegmentSums
from monitor.profile.values import Floats
from monitor.segments.law import ScanLaw
from monitor.segments.learning import learn
from monitor.segments.residuals import CHANNELS, Residuals
from monitor.segments.threshold import CALM, POOLED, learned

ENOUGH = 14
"""With fewer ordinary chunks the scan does not speak."""

NEAR = 0.5
"""A segment that stands out by less than this share of what stands out most is not named in its place."""

MOST = 90
"""It learns from so many chunks at most, the newest ones."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What stands out in one chunk.

    Attributes:
        segment: the segment that stands out most.
        channel: in which of `CHANNELS`.
        z: how far, in standard errors, with its sign.
        pooled: over how many of the last chunks.
        rows: labelled rows of the segment in them.
        effect: by how much a row is off on average, beyond the segment's own past: in the channel's unit.
        reached: |z| in units of the threshold; 1 or more is a hit, less is what came nearest to one.
        new: whether a hit opens an incident.
        others: other segments beyond the threshold, largest first, at most five.
    """

    segment: Segment
    channel: str
    z: float
    pooled: int
    rows: int
    effect: float
    reached: float
    new: bool
    others: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanState:
    """Whether an incident is open, and how many calm chunks have passed since."""

    open: bool = False
    calm: int = 0

    def next(self, *, hit: bool) -> "ScanState":
        """Return the state one chunk later."""
        if hit:
            return ScanState(open=True)
        calm = self.calm + 1
        return ScanState(open=self.open and calm < CALM + 1, calm=calm)


@dataclass(frozen=True, eq=False)
class Scan:
    """The law of a model's segments, and the threshold that the dial gives.

    Attributes:
        segments: S of them.
        law: what they do when nothing is wrong.
        threshold: of the largest |z| of a chunk.
    """

    segments: tuple[Segment, ...]
    law: ScanLaw
    threshold: float

    @classmethod
    def fit(
        cls, past: Residuals, *, dial: float = 1.0, share: float = SEGMENT_SHARE, threshold: float | None = None
    ) -> "Scan":
        """Learn from ordinary chunks: of the reference, and of traffic in which nothing was found.

        Args:
            past: at least `ENOUGH` chunks as long as those that will be judged.
            dial: false alarms per 90 chunks that the owner accepts, of all kinds together.
            share: the part of them that is the scan's.
            threshold: what was learned before, of a past much like this one; it takes longest to learn.

        Raises:
            InvalidInput: there are too few chunks.
        """
        if len(past.n) < ENOUGH:
            raise InvalidInput(f"{len(past.n)} chunks with labels; a scan of segments needs at least {ENOUGH}")
        law = learn(past)
        return cls(past.segments, law, learned(law.standard, dial * share) if threshold is None else threshold)

    def read(self, chunks: Residuals) -> Floats:
        """Return z-scores of M chunks in order of time, [M, len(POOLED), S, C]; NaN where they say nothing."""
        apart = self.law.apart(chunks)
        return np.stack([self.law.z(apart.last(pooled)) for pooled in POOLED], axis=1)

    def peak(self, chunks: Residuals, z: Floats, at: int, state: ScanState) -> Hit | None:
        """Return what stands out most in the chunk at one place of some readings; None where no segment says a thing.

        Args:
            chunks: the chunks.
            z: what `read` gave for them.
            at: which one.
            state: before it.
        """
        size = np.nan_to_num(np.abs(z[at]))
        if not size.any():
            return None
        apart = self.law.apart(chunks.take(slice(max(0, at + 1 - max(POOLED)), at + 1)))
        sums = [apart.last(each) for each in POOLED]
        near = (size > 0) & (size.max(axis=(0, 2), keepdims=True) >= NEAR * size.max())
        named = np.where(near, np.abs([self.law.measured(each)[-1] for each in sums]), 0.0)
        pooled, segment, channel = np.unravel_index(int(named.argmax()), size.shape)
        over = size.max(axis=(0, 2))
        others = [int(each) for each in np.argsort(-over) if over[each] >= self.threshold and each != segment]
        summed = sums[pooled]
        return Hit(
            self.segments[segment],
            CHANNELS[channel],
            float(z[at, pooled, segment, channel]),
            POOLED[pooled],
            int(summed.n[-1, segment]),
            float(summed.mean[-1, segment, channel]),
            float(size.max() / self.threshold),
            not state.open,
            tuple(self.segments[each] for each in others[:5]),
        )

    def advance(self, chunks: Residuals, z: Floats, at: int, state: ScanState) -> tuple[ScanState, Hit | None]:
        """Return the state after the chunk at one place of some readings, and the hit in it, if any; see `peak`."""
        if np.nanmax(np.abs(z[at]), initial=0.0) < self.threshold:
            return state.next(hit=False), None
        return state.next(hit=True), self.peak(chunks, z, at, state)

    def step(self, state: ScanState, recent: Sequence[SegmentSums]) -> tuple[ScanState, Hit | None]:
        """Take in the newest of some consecutive chunks, at most the last `POOLED` of which are looked at."""
        chunks = Residuals.of(recent[-max(POOLED) :])
        return self.advance(chunks, self.read(chunks), len(chunks.n) - 1, state)
