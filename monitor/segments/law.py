"""What residuals of segments do when nothing is wrong: learned from reference and recent chunks, not from rows.

No model is calibrated in every segment, and with labels enough any test of that tells so every day. So a segment is
compared with its own past: its mean residual there is its zero, and what it varies from chunk to chunk beyond sampling
is part of its noise. What moves all rows of a chunk alike, as a storm does, is taken off each segment by the rest of
its chunk as far as it is real (the best linear prediction), so that only what sets a segment apart is left.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.detection.tails import from_gamma, from_t
from monitor.profile.values import Bools, Floats, Ints
from monitor.segments.residuals import Residuals

FEWEST = 20
"""Labelled rows of a segment below which it says nothing about a chunk."""

_WHOLE = 0.95  # a segment with more of the rows than this is all traffic, of which the scan does not speak
_SHRUNK = 30.0  # chunks that the variance pooled over segments counts as
_DISPERSION = (0.5, 2.0)
_ROWS = 200.0  # rows that the dispersion pooled over segments counts as
_LEAST_SKEW = 1e-3


@dataclass(frozen=True, eq=False)
class ScanLaw:
    """The law of S segments in C channels.

    Attributes:
        chunks: how many chunks it was learned from.
        feature: which feature each segment is of, counted from 0, [S].
        zero: mean per row, [S, C].
        known: rows that the zero was learned from, [S].
        row_variance, row_third: moments of one row, [S, C]: what a regression has in place of those that predictions
            imply.
        dispersion: variance of one row beside what predictions imply, [S, C].
        common: variance of what all rows of a chunk share, [C].
        between: variance between chunks of what sets a segment apart, [S, C].
        standard: z-scores of the reference's own chunks, [K, S, C]; 0 where they say nothing.
    """

    chunks: int
    feature: Ints
    zero: Floats
    known: Floats
    row_variance: Floats
    row_third: Floats
    dispersion: Floats
    common: Floats
    between: Floats
    standard: Floats

    @classmethod
    def fit(cls, past: Residuals) -> "ScanLaw":
        """Learn from K ordinary chunks, in any order."""
        names = list(dict.fromkeys(segment.feature for segment in past.segments))
        feature = np.array([names.index(segment.feature) for segment in past.segments], dtype=np.int64)
        known = past.n.sum(axis=0)
        zero = past.total.sum(axis=0) / np.maximum(known, 1)[:, None]
        row_variance, row_third = _row_moments(past, known)
        empty = np.zeros_like(zero)
        law = cls(len(past.n), feature, zero, known, row_variance, row_third, empty + 1, empty[0], empty, empty[None])
        law = replace(law, dispersion=_dispersion(law, past))
        law = replace(law, common=_common(law, past))
        law = replace(law, between=_between(law, past))
        lost = np.sqrt(law.chunks / max(1, law.chunks - 1))
        return replace(law, standard=np.nan_to_num(law.plain(past) * lost))

    def z(self, chunks: Residuals, pooled: int = 1) -> Floats:
        """Return z-scores of chunks, [M, S, C]; NaN where a segment has too few rows.

        Args:
            chunks: M chunks, or sums over several.
            pooled: how many chunks each is the sum of.
        """
        apart, sampling, skew = self.apart(chunks)
        drift = self.between / pooled
        error = self.row_variance * self.dispersion / np.maximum(self.known, 1)[:, None] + self.between / self.chunks
        variance = np.maximum(sampling + drift + error, 1e-18)
        share = np.maximum(drift + error, 1e-18) / variance
        freedom = np.minimum((self.chunks - 1 + _SHRUNK) / share**2, 1e6)
        z = apart / np.sqrt(variance)
        skew = skew * (sampling / variance) ** 1.5
        found: Floats = np.where(self._heard(chunks), from_t(_unskewed(z, skew), freedom), np.nan)
        return found

    def effect(self, chunks: Residuals) -> Floats:
        """Return by how much a row of each segment is off on average, beyond its zero and its chunk, [M, S, C]."""
        return self.apart(chunks)[0]

    def plain(self, chunks: Residuals) -> Floats:
        """Return z-scores of chunks that the law was learned from, [K, S, C]."""
        apart, sampling, _ = self.apart(chunks)
        z = apart / np.sqrt(np.maximum(sampling + self.between, 1e-18))
        return np.where(self._heard(chunks), z, np.nan)

    def _heard(self, chunks: Residuals) -> Bools:
        """Return which segments say something, [M, S, 1]: those with rows enough that are not all traffic."""
        others = self.rest(self.known[None, :, None])[0, :, 0]
        part = self.known <= _WHOLE * (self.known + others)
        heard: Bools = ((chunks.n >= FEWEST) & part)[..., None]
        return heard

    def moments(self, chunks: Residuals) -> tuple[Floats, Floats]:
        """Return the sums over each chunk's rows of their variances and third moments, [M, S, C]."""
        if chunks.variance is None or chunks.third is None:
            return chunks.n[..., None] * self.row_variance, chunks.n[..., None] * self.row_third
        return chunks.variance * self.dispersion, chunks.third * self.dispersion

    def apart(self, chunks: Residuals) -> tuple[Floats, Floats, Floats]:
        """Return what sets segments apart, its sampling variance, and its skewness by sampling, [M, S, C] each."""
        n = np.maximum(chunks.n, 1)[..., None]
        moved = chunks.total - chunks.n[..., None] * self.zero
        variance, third = self.moments(chunks)
        others_n = np.maximum(self.rest(chunks.n[..., None]), 1)
        others, others_variance = self.rest(moved) / others_n, self.rest(variance) / others_n**2
        real = self.common / np.maximum(self.common + others_variance, 1e-300)
        sampling = variance / n**2 + (1 - real) * self.common
        skew = third / np.maximum(variance, 1e-12) ** 1.5
        return moved / n - real * others, sampling, skew

    def rest(self, sums: Floats) -> Floats:
        """Return for each segment the sum over the other segments of its feature, [M, S, ...]."""
        count = int(self.feature.max(initial=-1)) + 1
        member = (self.feature[:, None] == np.arange(count)).astype(np.float64)
        whole = np.einsum("msc,sf->mfc", sums, member)
        others: Floats = whole[:, self.feature] - sums
        return others


def _dispersion(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance of one row beside what predictions imply, of one segment shrunk to that of all."""
    if past.variance is None:
        return np.ones_like(law.zero)
    rows = np.maximum(law.known, 1)[:, None]
    implied = past.variance.sum(axis=0) / rows
    squares = (past.total[..., 1] + past.variance[..., 0]).sum(axis=0)[:, None] / rows
    # squares of the excess are not summed: its variance differs from what is implied as that of the residual does
    seen = np.maximum(squares - law.zero[:, :1] ** 2, 1e-12) / np.maximum(implied[:, :1], 1e-12)
    whole = (rows * seen).sum() / np.maximum(rows.sum(), 1)
    shrunk = np.clip((rows * seen + _ROWS * whole) / (rows + _ROWS), *_DISPERSION)
    found: Floats = np.repeat(shrunk, law.zero.shape[1], axis=1)
    return found


def _common(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance between chunks of what all their rows share."""
    first = law.feature == 0
    moved = (past.total - past.n[..., None] * law.zero)[:, first].sum(axis=1)
    rows = np.maximum(past.n[:, first].sum(axis=1), 1)[:, None]
    sampling = law.moments(past)[0][:, first].sum(axis=1) / rows**2
    beyond: Floats = np.maximum(((moved / rows) ** 2 - sampling).mean(axis=0), 0.0)
    return beyond


def _between(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance between chunks beyond sampling: of one segment, shrunk to that of all."""
    apart, sampling, _ = law.apart(past)
    use = (past.n >= FEWEST)[..., None]
    count = use.sum(axis=0)
    lost = np.maximum(count, 2) / (np.maximum(count, 2) - 1)
    beyond = np.where(use, lost * apart**2 - sampling, 0.0).sum(axis=0)
    weight = np.where(use, sampling, 0.0).sum(axis=0)
    pooled = beyond.sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    typical = weight / np.maximum(count, 1)
    own = (beyond + _SHRUNK * np.maximum(pooled, 0.0) * typical) / (count + _SHRUNK)
    found: Floats = np.maximum(own, 0.0)
    return found


def _row_moments(past: Residuals, known: Floats) -> tuple[Floats, Floats]:
    """Return variance and third central moment of one row of each segment, [S, C], as its past shows them."""
    rows = np.maximum(known, 1)[:, None]
    if past.powers is None:
        assert past.variance is not None  # noqa: S101 - a classification has both
        assert past.third is not None  # noqa: S101
        return past.variance.sum(axis=0) / rows, past.third.sum(axis=0) / rows
    e, e2, e3, e4, e6 = np.moveaxis(past.powers.sum(axis=0) / rows, -1, 0)
    variance = np.stack([e2 - e**2, e4 - e2**2], axis=-1)
    third = np.stack([e3 - 3 * e * e2 + 2 * e**3, e6 - 3 * e4 * e2 + 2 * e2**3], axis=-1)
    return np.maximum(variance, 0.0), third


def _unskewed(z: Floats, skew: Floats) -> Floats:
    """Return z-scores of sums of skewed rows: as if they were gamma variates of the same three moments."""
    sign = np.where(skew < 0, -1.0, 1.0)
    size = np.maximum(np.abs(skew), _LEAST_SKEW)
    ratio = 1 + sign * z * size / 2
    found = sign * from_gamma(np.maximum(ratio, 1e-9), 4 / size**2)
    return np.where(np.abs(skew) < _LEAST_SKEW, z, found)
