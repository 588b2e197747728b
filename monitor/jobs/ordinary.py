"""What share of faulty values is ordinary: how it varies between stretches of the reference as long as a window.

A station that reports air pressure on some days only, or a storm beyond all other days of its month, is no broken feed.
The reference as a whole cannot show that, but its days can: each is held against all the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from statistics import fmean, pstdev

import numpy as np

from monitor.profile.binning import NumericBins
from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure

FEWEST = 14
"""With fewer chunks the spread between them is not known well enough; the measure's own threshold holds alone."""

_DEVIATIONS = 4


def quality_threshold(measure: QualityMeasure, whole: ColumnProfile, chunks: Sequence[ColumnProfile]) -> float:
    """Return the share above which a window is not ordinary.

    It is four standard deviations above the mean of the chunks' shares, at least the measure's own threshold (the share
    in the whole reference and its floor), and at most 1.

    Args:
        measure: the measure.
        whole: the column's profile over the whole reference.
        chunks: its profiles over stretches of the reference, each as long as a window.
    """
    own = measure.threshold(whole)
    if len(chunks) < FEWEST:
        return own
    shares = [measure.value(_as_new(chunk, rest)) for chunk, rest in zip(chunks, others(chunks), strict=True)]
    known = [share for share in shares if share is not None]
    if len(known) < FEWEST:
        return own
    return min(1.0, max(own, fmean(known) + _DEVIATIONS * pstdev(known)))


def others(chunks: Sequence[ColumnProfile]) -> Iterator[ColumnProfile]:
    """Yield, for each of at least two chunks, the profile of all but this one, with the extremes of those."""
    total = reduce(add, chunks)
    lowest = sorted(chunk.minimum for chunk in chunks)[:2]
    highest = sorted((chunk.maximum for chunk in chunks), reverse=True)[:2]
    for chunk in chunks:
        yield replace(
            total,
            counts=total.counts - chunk.counts,
            minimum=lowest[chunk.minimum == lowest[0]],  # without the least, the second is
            maximum=highest[chunk.maximum == highest[0]],
        )


def _as_new(chunk: ColumnProfile, others: ColumnProfile) -> ColumnProfile:
    """Return a chunk's profile as if only the others had been the reference.

    Values of bins wholly beyond the others' extremes count as out of range, and categories the others never had as
    unseen. Bins that hold an extreme count as inside, so that the share is never overstated.
    """
    counts = chunk.counts.copy()
    head, last = chunk.binning.HEAD, chunk.binning.HEAD + len(chunk.mass) - 1
    if isinstance(chunk.binning, NumericBins):
        edges = chunk.binning.edges
        beyond = {last: edges[:-1] > others.maximum, head: edges[1:] <= others.minimum}
        inside = slice(head + 1, last)
    else:
        beyond = {last: others.bins == 0}
        inside = slice(head, last - 1)
    for slot, new in beyond.items():
        moved = np.where(new, counts[inside], 0)
        counts[inside] -= moved
        counts[slot] += moved.sum()
    return replace(chunk, counts=counts)
