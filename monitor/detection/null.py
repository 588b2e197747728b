"""What a statistic does when nothing is wrong: laws learned from chunks of the reference, each left out in turn.

Rows of one day share weather, campaigns and outages, so a day's mean varies by more than its rows would alone. A law
here has two variances: that of sampling, which falls with the number of rows, and that between chunks, which does not.
It therefore holds for chunks of any size, and turns a new chunk's statistic into a z-score by a predictive t law.

Rows may also be drawn more evenly than at random: a timetable has the same hours every day. Where the reference's
chunks differ apparently less than sampling says, what they show is the variance of sampling.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.detection.heavy import ENOUGH, NO_TAIL, Tail
from monitor.detection.matching import Matching
from monitor.detection.tails import from_t
from monitor.profile.values import Floats, Ints

PRIOR_DISPERSION, PRIOR_CHUNKS = 4.0, 5.0
LEAST_FREEDOM = 4.0
_KNOWN = 1e6  # degrees of freedom of a variance that sampling alone explains
_APPARENT = 2.0  # standard errors from which the variance between chunks is more than chance
_REGULAR = 3.0  # standard errors from which it is less than chance
_LEAST = 1e-4  # of the variance of sampling, that is always believed


@dataclass(frozen=True, eq=False)
class MeanLaw:
    """The law of C statistics that are means over a chunk's rows.

    Attributes:
        matching: what each chunk is compared with.
        within: variance of one row, [C].
        between: variance between chunks, [C].
        typical: total variance of the reference's chunks as they were, [C].
        excess: variance seen beyond that of sampling, as a share of it, [C]; below 0 by chance.
        regular: whether chunks differ less than rows drawn at random would make them.
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
    regular: bool
    error: Floats
    freedom: float
    low: Tail
    high: Tail
    own: Floats
    reach: Floats

    @classmethod
    def fit(
        cls,
        values: Floats,
        rows: Ints,
        within: Floats,
        labels: Ints,
        *,
        excess: float | None = None,
        sided: bool = False,
    ) -> "MeanLaw":
        """Learn from K chunks of the reference.

        Args:
            values: [K, C].
            rows: how many rows each is the mean of, [K].
            within: the variance of one row, [C].
            labels: what each chunk is matched by, [K].
            excess: as below, if it is known better than from these chunks alone.
            sided: whether chunks may deviate less to one side than to the other, and less than sampling says.
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
            prior = PRIOR_CHUNKS * PRIOR_DISPERSION * usual
            total, freedom = (prior + freedom * total) / (PRIOR_CHUNKS + freedom), PRIOR_CHUNKS + freedom
        if excess is not None:
            total = usual * (1 + excess)
        seen = total / np.maximum(usual, 1e-300) - 1
        regular = sided and chunks >= ENOUGH and bool(seen[0] < -_REGULAR * np.sqrt(2 / chunks))
        if regular:
            within = within * np.maximum(1 + seen, _LEAST)
            usual = np.maximum(total, _LEAST * usual)
        between = np.maximum(total - usual, 0.0)
        typical = np.maximum(total, usual)
        error = typical / max(1, chunks)
        law = cls(matching, within, between, typical, seen, regular, error, freedom, NO_TAIL, NO_TAIL, sampling, usual)
        z = law.raw(left_out, rows)
        z = z * np.sqrt(chunks / np.maximum(chunks + 1 - z * z, 1.0))  # each chunk's own part in the variance left out
        one = z.shape[1] == 1
        return replace(
            law,
            low=Tail.of(-z[:, 0], sided=sided) if one else NO_TAIL,
            high=Tail.of(z[:, 0], sided=sided) if one else NO_TAIL,
            own=np.abs(z),
            reach=np.abs(left_out).max(axis=0, initial=0.0),
        )

    @property
    def plain(self) -> bool:
        """Whether sampling alone explains how chunks differ, as far as so many chunks can tell."""
        chunks = self.matching.chunks
        return chunks >= ENOUGH and not self.regular and not bool((self.excess > _APPARENT * np.sqrt(2 / chunks)).any())

    @property
    def known(self) -> float:
        """From how many chunks the variance was learned; ever so many where sampling alone explains it."""
        sided = min(self.low.spread, self.high.spread) < 1
        return np.inf if self.plain and not sided else float(self.matching.chunks)

    def shift(self, values: Floats, labels: Ints) -> Floats:
        """Return how far each chunk lies from what it is compared with, [M, C]."""
        return values - self.matching.expected(labels)

    def raw(self, shift: Floats, rows: Ints) -> Floats:
        """Return the z-scores of shifts [M, C] of chunks of ``rows`` rows [M], before their tails are tempered."""
        variance = self.within / np.maximum(rows, 1)[:, None] + self.between
        known = variance / np.maximum(self.typical, 1e-300)
        freedom = np.maximum(self.freedom * np.minimum(known, 1.0) ** 2, min(LEAST_FREEDOM, self.freedom))
        learned = (self.between > 0) | (self.freedom < ENOUGH - 1) | self.regular
        freedom = np.where(learned, freedom, _KNOWN)
        return from_t(shift / np.sqrt(np.maximum(variance + self.error, 1e-18)), freedom)

    def z(self, values: Floats, rows: Ints, labels: Ints) -> tuple[Floats, Floats]:
        """Return z-scores of a move down and up of the one statistic, each [M], by what chunks were [M]; else NaN."""
        raw = np.where(rows > 0, self.raw(self.shift(values[:, None], labels), rows)[:, 0], np.nan)
        return self.low.temper(-raw), self.high.temper(raw)

    def sizes(self, values: Floats, rows: Ints, labels: Ints) -> Floats:
        """Return the absolute z-scores of C statistics, [M, C]; NaN without rows."""
        raw = np.abs(self.raw(self.shift(values, labels), rows))
        return np.where((rows > 0)[:, None], raw, np.nan)
