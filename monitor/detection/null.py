"""What a statistic does when nothing is wrong: laws learned from chunks of the reference, each left out in turn.

Rows of one day share weather, campaigns and outages, so a day's mean varies by more than its rows would alone. A law
here has two variances: that of sampling, which falls with the number of rows, and that between chunks, which does not.
It therefore holds for chunks of any size, and turns a new chunk's statistic into a z-score by a predictive t law.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detection.heavy import ENOUGH, Tail
from monitor.detection.matching import Matching
from monitor.detection.tails import best_of, from_gamma, from_t
from monitor.profile.values import Floats, Ints

_PRIOR_DISPERSION, _PRIOR_CHUNKS = 4.0, 5.0
_LEAST_FREEDOM = 4.0
_KNOWN = 1e6  # degrees of freedom of a variance that sampling alone explains
_APPARENT = 2.0  # standard errors from which the variance between chunks is more than chance


@dataclass(frozen=True, eq=False)
class MeanLaw:
    """The law of C statistics that are means over a chunk's rows.

    Attributes:
        matching: what each chunk is compared with.
        within: variance of one row, [C].
        between: variance between chunks, [C].
        typical: total variance of the reference's chunks as they were, [C].
        excess: variance seen beyond that of sampling, as a share of it, [C]; below 0 by chance.
        error: variance of what they are compared with, [C].
        freedom: degrees of freedom of ``typical``.
        low, high: tails of the reference's own z-scores, where there is one statistic.
        own: the larger of both z-scores of the reference's own chunks, [K, C].
        reach: the farthest any reference chunk lay from the others, [C].
    """

    matching: Matching
    within: Floats
    between: Floats
    typical: Floats
    excess: Floats
    error: Floats
    freedom: float
    low: Tail
    high: Tail
    own: Floats
    reach: Floats

    @classmethod
    def fit(cls, values: Floats, rows: Ints, within: Floats, labels: Ints, excess: float | None = None) -> "MeanLaw":
        """Learn from K chunks of the reference.

        Args:
            values: [K, C].
            rows: how many rows each is the mean of, [K].
            within: the variance of one row, [C].
            labels: what each chunk is matched by, [K].
            excess: as below, if it is known better than from these chunks alone.
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
        if excess is not None:
            total = usual * (1 + excess)
        seen = total / np.maximum(usual, 1e-300) - 1
        between = np.maximum(total - usual, 0.0)
        typical = np.maximum(total, usual)
        error = typical / max(1, chunks)
        law = cls(matching, within, between, typical, seen, error, freedom, *_NO_TAILS, sampling, usual)
        z = law.raw(left_out, rows)
        z = z * np.sqrt(chunks / np.maximum(chunks + 1 - z * z, 1.0))  # each chunk's own part in the variance left out
        return cls(
            matching,
            within,
            between,
            typical,
            seen,
            error,
            freedom,
            *((Tail.of(-z[:, 0]), Tail.of(z[:, 0])) if z.shape[1] == 1 else _NO_TAILS),
            np.abs(z),
            np.abs(left_out).max(axis=0, initial=0.0),
        )

    @property
    def plain(self) -> bool:
        """Whether sampling alone explains how chunks differ, as far as so many chunks can tell."""
        chunks = self.matching.chunks
        return chunks >= ENOUGH and not bool((self.excess > _APPARENT * np.sqrt(2 / chunks)).any())

    @property
    def known(self) -> float:
        """From how many chunks the variance was learned; ever so many where sampling alone explains it."""
        return np.inf if self.plain else float(self.matching.chunks)

    def shift(self, values: Floats, labels: Ints) -> Floats:
        """Return how far each chunk lies from what it is compared with, [M, C]."""
        return values - self.matching.expected(labels)

    def raw(self, shift: Floats, rows: Ints) -> Floats:
        """Return the z-scores of shifts [M, C] of chunks of ``rows`` rows [M], before their tails are tempered."""
        variance = self.within / np.maximum(rows, 1)[:, None] + self.between
        known = variance / np.maximum(self.typical, 1e-300)
        freedom = np.maximum(self.freedom * np.minimum(known, 1.0) ** 2, min(_LEAST_FREEDOM, self.freedom))
        freedom = np.where((self.between > 0) | (self.freedom < ENOUGH - 1), freedom, _KNOWN)
        return from_t(shift / np.sqrt(np.maximum(variance + self.error, 1e-18)), freedom)

    def z(self, values: Floats, rows: Ints, labels: Ints) -> tuple[Floats, Floats]:
        """Return z-scores of a move down and of a move up of the one statistic, each [M]; NaN without rows.

        Args:
            values: [M].
            rows: [M].
            labels: [M].
        """
        raw = np.where(rows > 0, self.raw(self.shift(values[:, None], labels), rows)[:, 0], np.nan)
        return self.low.temper(-raw), self.high.temper(raw)

    def sizes(self, values: Floats, rows: Ints, labels: Ints) -> Floats:
        """Return the absolute z-scores of C statistics, [M, C]; NaN without rows."""
        raw = np.abs(self.raw(self.shift(values, labels), rows))
        return np.where((rows > 0)[:, None], raw, np.nan)


_NO_TAILS = (Tail(np.zeros(0), heavy=False), Tail(np.zeros(0), heavy=False))


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
            float(np.mean(ratio)) ** 2 / max(float(np.var(ratio, ddof=1)), 1e-6) if len(ratio) > 1 else 1.0,
            float(np.mean(logs)) if len(ratio) else 0.0,
            max(float(np.std(logs, ddof=1)), 1e-3) if len(ratio) > 1 else 1.0,
            max(_LEAST_FREEDOM, chunks - 1.0),
            _NO_TAILS[0],
        )
        z = law.raw(distances, rows)
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
        return self.high.temper(raw)


@dataclass(frozen=True, eq=False)
class LargestLaw:
    """The law of the largest of many z-scores of one chunk, such as of all categories of a column.

    How far out the largest lies depends on how the many depend on each other, which the reference's chunks tell.

    Attributes:
        tries: among how many it is the largest.
        law: of the largest itself; None where the reference has too few chunks, and they are taken for independent.
    """

    tries: int
    law: DistanceLaw | None

    @classmethod
    def fit(cls, law: MeanLaw) -> "LargestLaw":
        """Learn from the z-scores that a law gave the reference's own chunks."""
        chunks, tries = law.own.shape
        if chunks < ENOUGH:
            return cls(tries, None)
        rows = np.ones(chunks, dtype=np.int64)
        return cls(tries, DistanceLaw.fit(law.own.max(axis=1), rows, 0.0, np.empty(0)))

    def z(self, z: Floats) -> Floats:
        """Return one z-score a chunk, [M], of its many z-scores [M, C]."""
        largest = z.max(axis=1)
        if self.law is None:
            return best_of(largest, self.tries)
        return self.law.z(np.maximum(largest, 0.0), np.isfinite(largest).astype(np.int64))
