"""When a drift score is more than the ordinary difference between days of the reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from statistics import fmean, pstdev

from monitor.drift import DriftMeasure
from monitor.profile.column import ColumnProfile

FEWEST = 14
"""With fewer chunks the spread between days is not known well enough to calibrate on."""

_DEVIATIONS = 4
_CAUTION = 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold and what it stands on.

    Attributes:
        threshold: scores above it are drift.
        chunks: how many chunks of the reference gave a score.
        calibrated: whether they were enough; if not, the threshold is twice the measure's floor.
    """

    threshold: float
    chunks: int
    calibrated: bool


def chunk_threshold(measure: DriftMeasure, chunks: Sequence[ColumnProfile]) -> Calibration:
    """Calibrate a measure on chunks of the reference, such as its days.

    Each chunk is scored against all the others together. Rows of one day share weather and weekday, so only whole days
    show how much a day differs by itself; a test that takes rows for independent raises an alarm nearly every day.
    The threshold is four standard deviations above the mean of these scores, and at least the measure's floor.

    Args:
        measure: the measure.
        chunks: profiles of one column in one binning, each as long as the windows that will be judged.
    """
    scores: list[float] = []
    floor = measure.floor
    if chunks:
        whole = reduce(add, chunks)
        floor = measure.least(whole)
        for chunk in chunks:
            score = measure.score(replace(whole, counts=whole.counts - chunk.counts), chunk)
            if score is not None:
                scores.append(score)
    if len(scores) < FEWEST:
        return Calibration(floor * _CAUTION, len(scores), calibrated=False)
    return Calibration(max(floor, fmean(scores) + _DEVIATIONS * pstdev(scores)), len(scores), calibrated=True)
