"""What a chunk is compared with: the whole reference, drawn towards the chunks of the same weekday, hour or season.

Traffic has a week. A Sunday is compared with the reference's mean drawn towards its Sundays, by as much as weekdays
really differ (an analysis of variance between them); where they do not, all chunks are pooled. A law's own chunks are
compared in the same way, each left out, so that whatever the matching adds in error is in the law too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.profile.values import Floats, Ints

_SIGNIFICANT = 2.5  # deviations of the ratio of mean squares, by its degrees of freedom
_WEEKS = 3
_TWO_YEARS = timedelta(days=700)


@dataclass(frozen=True, eq=False)
class Matching:
    """Means of C statistics over the reference, in all and by label.

    Attributes:
        total: sums over all chunks, [C].
        chunks: how many there are.
        sums: sums by label, [L, C].
        sizes: chunks by label, [L].
        draw: how far a chunk is drawn from the whole towards its label's mean, from 0 to 1, [C].
        spent: degrees of freedom that the labels' means take up.
    """

    total: Floats
    chunks: int
    sums: Floats
    sizes: Floats
    draw: Floats
    spent: float

    @classmethod
    def fit(cls, values: Floats, labels: Ints) -> "Matching":
        """Learn from values [K, C] of chunks with labels 0 … L−1, [K]."""
        count = int(labels.max(initial=0)) + 1
        member = (labels[:, None] == np.arange(count)).astype(np.float64)
        sums, sizes = member.T @ values, member.sum(axis=0)
        total, chunks = values.sum(axis=0), len(values)
        draw = _draw(values, labels, sums, sizes)
        spent = float((np.count_nonzero(sizes) - 1) * draw.mean()) if draw.size else 0.0
        return cls(total, chunks, sums, sizes, draw, spent)

    def expected(self, labels: Ints) -> Floats:
        """Return what chunks with these labels [M] are compared with, [M, C]."""
        whole = self.total / max(1, self.chunks)
        inside = labels < len(self.sizes)
        at = np.where(inside, labels, 0)
        size = np.where(inside, self.sizes[at], 0)[:, None]
        own = self.sums[at] / np.maximum(size, 1)
        return np.where(size > 0, whole + self.draw * (own - whole), whole)

    def left_out(self, values: Floats, labels: Ints) -> Floats:
        """Return what each of the reference's own chunks is compared with, itself left out, [K, C]."""
        whole = (self.total - values) / max(1, self.chunks - 1)
        size = (self.sizes[labels] - 1)[:, None]
        own = (self.sums[labels] - values) / np.maximum(size, 1)
        return np.where(size > 0, whole + self.draw * (own - whole), whole)


def _draw(values: Floats, labels: Ints, sums: Floats, sizes: Floats) -> Floats:
    """Return how much of the difference between labels is real, [C]: 1 − 1/F where F is significant, else 0."""
    groups, chunks = np.count_nonzero(sizes), len(values)
    none = np.zeros(values.shape[1])
    if groups < 2 or chunks < _WEEKS * groups:
        return none
    means = sums / np.maximum(sizes, 1)[:, None]
    between = (sizes[:, None] * (means - values.mean(axis=0)) ** 2).sum(axis=0) / (groups - 1)
    within = ((values - means[labels]) ** 2).sum(axis=0) / (chunks - groups)
    ratio = between / np.maximum(within, 1e-300)
    chance = 1 + _SIGNIFICANT * np.sqrt(2 / (groups - 1) + 2 / (chunks - groups))
    return np.where((ratio > chance) & (between > 0), 1 - 1 / np.maximum(ratio, 1.0), none)


def has_seasons(starts: Sequence[datetime]) -> bool:
    """Return whether chunks cover two years, so that each season was seen twice."""
    return bool(starts) and max(starts) - min(starts) >= _TWO_YEARS


def labels_of(starts: Sequence[datetime], length: timedelta, *, seasons: bool = False) -> Ints:
    """Return what chunks are matched by: the weekday of whole days, the hour of the week of shorter chunks.

    Longer chunks have no weekday. With ``seasons`` each of this is told apart by the month of the year too.

    >>> from datetime import UTC
    >>> monday = datetime(2024, 3, 4, 6, tzinfo=UTC)
    >>> labels_of([monday], timedelta(hours=1)).tolist()
    [6]
    >>> labels_of([monday], timedelta(days=30), seasons=True).tolist()
    [2]
    """
    if length > timedelta(days=1):
        kinds, within = 1, [0] * len(starts)
    elif length == timedelta(days=1):
        kinds, within = 7, [start.weekday() for start in starts]
    else:
        kinds, within = 168, [start.weekday() * 24 + start.hour for start in starts]
    months = [(start.month - 1) * kinds if seasons else 0 for start in starts]
    return np.array(within, dtype=np.int64) + np.array(months, dtype=np.int64)


def named(length: timedelta, *, seasons: bool = False) -> str:
    """Return what chunks with the same label have in common, in words; empty where all are alike.

    >>> named(timedelta(days=1)), named(timedelta(hours=4), seasons=True)
    ('on this weekday', 'at this hour of the week in this month')
    """
    day = timedelta(days=1)
    within = "" if length > day else "on this weekday" if length == day else "at this hour of the week"
    return " ".join([within] * bool(within) + ["in this month"] * seasons)
