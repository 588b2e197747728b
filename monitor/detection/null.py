"""What a statistic does when nothing is wrong: laws learned from chunks of the reference, each left out in turn.

Rows of one day share weather, campaigns and outages, so a day's mean varies by more than its rows would alone. A law
here has two variances: that of sampling, which falls with the number of rows, and that between chunks, which does not.
It therefore holds for chunks of any size, and turns a new chunk's statistic into a z-score by a predictive t law.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detection.matching import Matching
from monitor.detection.tails import from_gamma, from_t, from_tail_area
from monitor.profile.values import Floats, Ints

ENOUGH = 30
"""With fewer chunks than this a law leans on a prior, and says that it is not calibrated."""

_PRIOR_DISPERSION, _PRIOR_CHUNKS = 4.0, 5.0
_LEAST_FREEDOM = 4.0
_ODD = 0.1  # the chance that the reference's largest z-score is beyond what is taken for ordinary


@dataclass(frozen=True, eq=False)
class Tail:
    """How far out the reference itself goes, in z-scores; heavier tails than the law's are taken from there.

    Attributes:
        usual: the z-score that the largest of the reference's chunks hardly exceeds under the law.
        largest: what the largest of them was, [C].
    """

    usual: float
    largest: Floats

    @classmethod
    def of(cls, z: Floats) -> "Tail":
        """Return the upper tail of z-scores [K, C] of the reference's own chunks."""
        seen = np.where(np.isfinite(z), z, -np.inf)
        usual = float(from_tail_area(np.array([_ODD / max(1, len(z))]))[0])
        return cls(usual, seen.max(axis=0, initial=-np.inf))

    def temper(self, z: Floats) -> Floats:
        """Return z-scores [M, C] as if the reference's largest had only been as far out as usual."""
        heavy = (self.largest > self.usual) & (z > self.usual)
        square = z * z - self.largest**2 + self.usual**2
        beyond = np.sqrt(np.where(heavy & np.isfinite(square), np.maximum(square, self.usual**2), 0.0))
        return np.where(heavy, beyond, z)


@dataclass(frozen=True, eq=False)
class MeanLaw:
    """The law of C statistics that are means over a chunk's rows.

    Attributes:
        matching: what each chunk is compared with.
        within: variance of one row, [C].
        between: variance between chunks, [C].
        typical: total variance of the reference's chunks as they were, [C].
        error: variance of what they are compared with, [C].
        freedom: degrees of freedom of ``typical``.
        low, high: tails of the reference's own z-scores.
        reach: the farthest any reference chunk lay from the others, [C].
    """

    matching: Matching
    within: Floats
    between: Floats
    typical: Floats
    error: Floats
    freedom: float
    low: Tail
    high: Tail
    reach: Floats

    @classmethod
    def fit(cls, values: Floats, rows: Ints, within: Floats, labels: Ints) -> "MeanLaw":
        """Learn from K chunks of the reference.

        Args:
            values: [K, C].
            rows: how many rows each is the mean of, [K].
            within: the variance of one row, [C].
            labels: what each chunk is matched by, [K].
        """
        known = rows > 0
        values, rows, labels = values[known], rows[known], labels[known]
        chunks = len(values)
        matching = Matching.fit(values, labels)
        left_out = values - matching.left_out(values, labels)
        sampling = within / np.maximum(rows, 1)[:, None] if chunks else np.zeros((0, len(within)))
        unbiased = left_out**2 * (1 - 1 / max(2, chunks))
        usual = sampling.mean(axis=0) if chunks else within
        total = unbiased.mean(axis=0) if chunks > 1 else usual
        freedom = max(1.0, chunks - 1.0 - matching.spent)
        if chunks < ENOUGH:
            prior = _PRIOR_CHUNKS * _PRIOR_DISPERSION * usual
            total, freedom = (prior + freedom * total) / (_PRIOR_CHUNKS + freedom), _PRIOR_CHUNKS + freedom
        between = np.maximum(total - usual, 0.0)
        typical = np.maximum(total, usual)
        law = cls(matching, within, between, typical, typical / max(1, chunks), freedom, *_NO_TAILS, np.zeros(0))
        z = law.raw(left_out, rows)
        return cls(
            matching,
            within,
            between,
            typical,
            law.error,
            freedom,
            Tail.of(-z),
            Tail.of(z),
            np.abs(left_out).max(axis=0, initial=0.0),
        )

    def shift(self, values: Floats, labels: Ints) -> Floats:
        """Return how far each chunk lies from what it is compared with, [M, C]."""
        return values - self.matching.expected(labels)

    def raw(self, shift: Floats, rows: Ints) -> Floats:
        """Return the z-scores of shifts [M, C] of chunks of ``rows`` rows [M], before their tails are tempered."""
        variance = self.within / np.maximum(rows, 1)[:, None] + self.between
        known = variance / np.maximum(self.typical, 1e-300)
        freedom = np.maximum(self.freedom * np.minimum(known, 1.0) ** 2, min(_LEAST_FREEDOM, self.freedom))
        return from_t(shift / np.sqrt(np.maximum(variance + self.error, 1e-18)), freedom)

    def z(self, values: Floats, rows: Ints, labels: Ints) -> tuple[Floats, Floats]:
        """Return z-scores of a move down and of a move up, each [M, C]; NaN without rows."""
        raw = self.raw(self.shift(values, labels), rows)
        raw = np.where((rows > 0)[:, None], raw, np.nan)
        return self.low.temper(-raw), self.high.temper(raw)


_NO_TAILS = (Tail(np.inf, np.zeros(0)), Tail(np.inf, np.zeros(0)))


@dataclass(frozen=True, eq=False)
class DistanceLaw:
    """The law of a squared distance between a chunk and the reference.

    Attributes:
        sampling: what it is for one row, from sampling alone: for n rows it is a n-th of this.
        between: what it is for ever so many rows.
        shape: of the gamma law of the distance divided by its mean.
        log_mean, log_std: of the logarithm of the same ratio.
        freedom: degrees of freedom of the log-t law.
        high: tail of the reference's own z-scores.
    """

    sampling: float
    between: float
    shape: float
    log_mean: float
    log_std: float
    freedom: float
    high: Tail

    @classmethod
    def fit(cls, distances: Floats, rows: Ints, sampling: float, draws: Floats) -> "DistanceLaw":
        """Learn from distances of K chunks, each from all the others.

        Args:
            distances: [K].
            rows: [K].
            sampling: what the distance of one row is expected to be, from sampling alone.
            draws: distances, divided by their mean, of chunks drawn from the reference's rows at random; they speak
                for the form of the law where there are few chunks.
        """
        known = (rows > 0) & np.isfinite(distances)
        distances, rows = distances[known], rows[known]
        chunks = len(distances)
        usual = float(np.mean(sampling / rows)) if chunks else sampling
        mean = float(np.mean(distances)) if chunks > 1 else usual
        if chunks < ENOUGH:
            mean = (_PRIOR_CHUNKS * _PRIOR_DISPERSION * usual + chunks * mean) / (_PRIOR_CHUNKS + chunks)
        between = max(mean - usual, 0.0)
        sampling *= min(1.0, mean / max(usual, 1e-300)) if chunks >= ENOUGH else 1.0
        ratio = distances / np.maximum(sampling / np.maximum(rows, 1) + between, 1e-300)
        if chunks < ENOUGH:
            ratio = np.concatenate([ratio, draws])
        ratio = np.maximum(ratio, 1e-6)
        logs = np.log(ratio)
        law = cls(
            sampling,
            between,
            float(np.mean(ratio) ** 2 / max(np.var(ratio, ddof=1), 1e-6)) if len(ratio) > 1 else 1.0,
            float(np.mean(logs)) if len(ratio) else 0.0,
            max(float(np.std(logs, ddof=1)), 1e-3) if len(ratio) > 1 else 1.0,
            max(_LEAST_FREEDOM, chunks - 1.0),
            _NO_TAILS[0],
        )
        z = law.raw(distances, rows)[:, None]
        return cls(law.sampling, between, law.shape, law.log_mean, law.log_std, law.freedom, Tail.of(z))

    def raw(self, distances: Floats, rows: Ints) -> Floats:
        """Return the more cautious of the scaled gamma's and the log-t's z-scores, [M], before they are tempered."""
        ratio = distances / np.maximum(self.sampling / np.maximum(rows, 1) + self.between, 1e-300)
        ratio = np.clip(ratio, 1e-6, 1e12)
        error = np.sqrt(1 + 1 / (self.freedom + 1))
        by_log = from_t((np.log(ratio) - self.log_mean) / (self.log_std * error), self.freedom)
        return np.minimum(from_gamma(ratio, self.shape), by_log)

    def z(self, distances: Floats, rows: Ints) -> Floats:
        """Return z-scores, [M]; NaN without rows."""
        raw = np.where(rows > 0, self.raw(distances, rows), np.nan)
        return self.high.temper(raw[:, None])[:, 0]
