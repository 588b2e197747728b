"""The laws of distances, which have one side only: of a chunk from the reference, and of the largest of many."""

from dataclasses import dataclass

import numpy as np

from monitor.detection.heavy import ENOUGH, NO_TAIL, Tail
from monitor.detection.null import LEAST_FREEDOM, PRIOR_CHUNKS, PRIOR_DISPERSION, MeanLaw
from monitor.detection.tails import best_of, from_gamma, from_t
from monitor.profile.values import Floats, Ints


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
            mean = (PRIOR_CHUNKS * PRIOR_DISPERSION * usual + chunks * mean) / (PRIOR_CHUNKS + chunks)
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
            max(LEAST_FREEDOM, chunks - 1.0),
            NO_TAIL,
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
