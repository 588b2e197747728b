"""What residuals of segments do when nothing is wrong: learned from reference and recent chunks, not from rows.

No model is calibrated in every segment, and with labels enough any test of that tells so every day. So a segment is
compared with its own past: its mean residual there is its zero, and what it varies from chunk to chunk beyond sampling
is part of its noise, with the tails it has: real days are not all alike. What moves all rows of a chunk alike, as a
storm does, is taken off each segment by the rest of its chunk as far as it is real (the best linear prediction), so
that only what sets a segment apart is left.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.detection.tails import from_gamma, from_t
from monitor.profile.values import Bools, Floats, Ints
from monitor.segments.residuals import Apart, Residuals
from monitor.segments.threshold import POOLED

FEWEST = 20
"""Labelled rows of a segment below which it says nothing about a chunk."""

SHRUNK = 30.0
"""Chunks that the variance pooled over segments counts as."""

_WHOLE = 0.95  # a segment with more of the rows than this is all traffic, of which the scan does not speak
_LEAST_SKEW = 1e-3


@dataclass(frozen=True, eq=False)
class ScanLaw:
    """The law of S segments in C channels.

    Attributes:
        chunks: how many chunks it was learned from.
        feature: which feature each segment is of, counted from 0, [S].
        zero: mean per row, [S, C].
        known: rows that the zero was learned from, [S].
        squares: sum over chunks of their rows, squared, [S].
        row_variance, row_third: moments of one row, [S, C]: what a regression has in place of those that predictions
            imply.
        dispersion: variance of one row beside what predictions imply, [S, C].
        common: variance of what all rows of a chunk share, [C].
        between: variance between chunks of what sets a segment apart, [S, C].
        tail: one over the degrees of freedom of what varies between chunks; 0 where it is normal.
        standard: z-scores of the reference's own chunks, [K, S, C]; 0 where they say nothing.
    """

    chunks: int
    feature: Ints
    zero: Floats
    known: Floats
    squares: Floats
    row_variance: Floats
    row_third: Floats
    dispersion: Floats
    common: Floats
    between: Floats
    tail: float
    standard: Floats

    def z(self, apart: Apart) -> Floats:
        """Return z-scores of what `apart` gave, or of sums of it, [M, S, C]; NaN where a segment has too few rows."""
        n = np.maximum(apart.n, 1)[..., None]
        sampling = apart.variance / n**2
        drift = self.between * apart.squares[..., None] / n**2
        known = np.maximum(self.known, 1)[:, None]
        error = self.row_variance * self.dispersion / known + self.between * self.squares[:, None] / known**2
        variance = np.maximum(sampling + drift + error, 1e-18)
        share = np.maximum(drift + error, 1e-18) / variance
        freedom = np.minimum(1 / (share**2 * (1 / (self.chunks - 1 + SHRUNK) + self.tail)), 1e6)
        z = apart.mean / np.sqrt(variance)
        skew = apart.third / np.maximum(apart.variance, 1e-12) ** 1.5 * (sampling / variance) ** 1.5
        found: Floats = np.where(self.heard(apart.n), from_t(unskewed(z, skew), freedom), np.nan)
        return found

    def measured(self, apart: Apart) -> Floats:
        """Return z-scores, as `z` does, in which rows that the model is surer of than usual vary as usual ones do.

        A few wrong rows stand out most in a segment in which hardly any ever was, whatever segment they have in common.
        Measured by usual rows that segment comes first: it has the most of them and the fewest others.
        """
        variance, third = (apart.n[..., None] * usual(apart.n, each) for each in (apart.variance, apart.third))
        sure = apart.variance < variance
        varied = np.where(sure, variance, apart.variance)
        return self.z(replace(apart, variance=varied, third=np.where(sure, third, apart.third)))

    def plain(self, past: Residuals) -> Floats:
        """Return z-scores of chunks that the law was learned from, [K, S, C]; NaN for segments that never speak."""
        apart = self.apart(past)
        variance = apart.variance + self.between * apart.squares[..., None]
        z = apart.total / np.sqrt(np.maximum(variance, 1e-18))
        return np.where(self.heard(apart.last(max(POOLED)).n).any(axis=0), z, np.nan)

    def heard(self, n: Floats) -> Bools:
        """Return which segments say something by their rows [M, S], enough and not all of them: [M, S, 1]."""
        part = self._part(self.known[None]) & self._part(n)
        heard: Bools = ((n >= FEWEST) & part)[..., None]
        return heard

    def _part(self, n: Floats) -> Bools:
        found: Bools = n <= _WHOLE * (n + self.rest(n[..., None])[..., 0])
        return found

    def moments(self, chunks: Residuals) -> tuple[Floats, Floats]:
        """Return the sums over each chunk's rows of their variances and third moments, [M, S, C]."""
        if chunks.variance is None or chunks.third is None:
            return chunks.n[..., None] * self.row_variance, chunks.n[..., None] * self.row_third
        return chunks.variance * self.dispersion, chunks.third * self.dispersion

    def apart(self, chunks: Residuals) -> Apart:
        """Return what sets segments apart in each chunk.

        It is taken off chunk by chunk, and added up after: segments may have their rows in different chunks.
        """
        n = chunks.n[..., None]
        moved = chunks.total - n * self.zero
        variance, third = self.moments(chunks)
        others_n = self.rest(n)
        others = self.rest(moved)
        others_variance = np.maximum(self.rest(variance), others_n * usual(chunks.n, variance))  # sure rows say no more
        real = self.common / np.maximum(self.common + others_variance / np.maximum(others_n, 1) ** 2, 1e-300)
        real = np.where(others_n > 0, real, 0.0)
        total = moved - n * real * others / np.maximum(others_n, 1)
        return Apart(chunks.n, chunks.n**2, total, variance + n**2 * (1 - real) * self.common, third)

    def rest(self, sums: Floats) -> Floats:
        """Return for each segment the sum over the other segments of its feature, [M, S, ...]."""
        count = int(self.feature.max(initial=-1)) + 1
        whole = np.zeros((count, *sums.swapaxes(0, 1).shape[1:]))
        np.add.at(whole, self.feature, sums.swapaxes(0, 1))  # each into its own: a matrix of who is whose is mostly 0
        others: Floats = np.ascontiguousarray(whole.swapaxes(0, 1))[:, self.feature] - sums
        return others


def usual(n: Floats, moments: Floats) -> Floats:
    """Return the moment of one row of any segment, [M, 1, C], of rows [M, S] and sums of moments [M, S, C]."""
    found: Floats = moments.sum(axis=1, keepdims=True) / np.maximum(n.sum(axis=1), 1)[:, None, None]
    return found


def unskewed(z: Floats, skew: Floats) -> Floats:
    """Return z-scores of sums of skewed rows: as if they were gamma variates of the same three moments."""
    sign = np.where(skew < 0, -1.0, 1.0)
    size = np.maximum(np.abs(skew), _LEAST_SKEW)
    ratio = 1 + sign * z * size / 2
    found = sign * from_gamma(np.maximum(ratio, 1e-9), 4 / size**2)
    return np.where(np.abs(skew) < _LEAST_SKEW, z, found)
