"""Evidence over time: z-scores become e-values, and a Shiryaev-Roberts statistic a column adds up all starting points.

An e-value is a bet against "nothing is wrong": its mean is at most 1 if nothing is. Of a p-value p with z = Φ⁻¹(1 − p)
we take the likelihood ratio exp(δz − δ²/2) of a shift by δ deviations. It is one of the p-to-e calibrators of Vovk and
Wang (2021), decreasing in p and of integral 1, and the one that gathers evidence fastest for the shifts that are to be
found within three chunks. Their calibrator for all purposes needs about one chunk more. It is capped, so that one odd
chunk never speaks for a whole model.

With R ← (R + 1) · e, the mean of R after t chunks is at most t, whatever the columns' dependence: alarming at R ≥ A
makes the average run at least A chunks (Shin, Ramdas and Rinaldo 2024). That is cautious by the overshoot, and
optimistic by what a finite reference does not know: its errors are the same in every chunk. Both are in
`threshold`, which inverts the measured rate.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from monitor.profile.values import Floats

SHIFT: Final = 2.5
"""The shift, in deviations of a chunk, that evidence is gathered for."""

CAP: Final = 100.0
"""The most evidence that one chunk gives: two certain days are told; an odd one needs a second that is no chance."""

_MOST: Final = 1e12  # beyond every threshold; a drift that stays for a year must not overflow

PERIOD: Final = 90
"""Chunks that the dial counts false alarms in."""

FAULT_SHARE, SEGMENT_SHARE = 0.05, 0.15
"""The parts of the dial that belong to hard faults and to the scan of segments. All else is drift's: columns, and how
they go together, by pairs and by the classifier. The parts add to the dial, whatever speaks."""

DIALS: Final = (0.5, 1.0, 3.0)
"""Settings of the dial that are measured: false alarms per 90 chunks. Any other positive number works too."""

Evidence: TypeAlias = Mapping[str, Floats]
"""Shiryaev-Roberts statistics by column, one a channel."""


def nothing() -> Floats:
    """Return the evidence of a column of which nothing was seen."""
    return np.zeros(len(NUMERIC))


NUMERIC: Final = np.array([0.44, 0.44, 0.09, 0.03, 0.0, 0.0])
BESIDE: Final = np.array([0.22, 0.22, 0.09, 0.03, 0.22, 0.22])
CATEGORY: Final = np.array([0.0, 0.88, 0.09, 0.03, 0.0, 0.0])
TOGETHER: Final = np.array([0.0, 0.8, 0.2, 0.0, 0.0, 0.0])
"""What a column's evidence is the weighted mean of: down, up, shape, nulls, and beside other columns where these tell
something; of columns together: pairs, classifier."""


def e_values(z: Floats) -> Floats:
    """Return the e-values of z-scores; 1, which says nothing, where there is none.

    >>> e_values(np.array([1.25, 9.0, np.nan])).tolist()
    [1.0, 100.0, 1.0]
    """
    known = np.nan_to_num(z, nan=SHIFT / 2)
    return np.minimum(np.exp(np.minimum(SHIFT * known - SHIFT * SHIFT / 2, 700.0)), CAP)


def grown(evidence: Floats, z: Floats) -> Floats:
    """Return the evidence one chunk later; a channel that says nothing in this chunk stays as it is.

    Args:
        evidence: Shiryaev-Roberts statistics, any shape.
        z: the chunk's z-scores, of the same shape, NaN where there is none.
    """
    return np.where(np.isnan(z), evidence, np.minimum((evidence + 1) * e_values(z), _MOST))


_CHUNKS: Final = (10, 20, 30, 45, 60, 90, 120, 180, 360, 1_000_000_000)
_REACHED: Final = np.geomspace(10, 1e6, 11)
_RATE: Final = np.array(
    [
        [0.305, 0.453, 0.71, 1.303, 2.514, 5.136, 10.958, 24.27, 56.3, 134.291, 333.333],
        [0.264, 0.336, 0.415, 0.627, 0.986, 1.634, 2.83, 5.017, 9.733, 19.606, 39.667],
        [0.252, 0.304, 0.331, 0.446, 0.641, 0.924, 1.455, 2.377, 4.083, 6.43, 11.167],
        [0.243, 0.278, 0.273, 0.342, 0.432, 0.569, 0.795, 1.154, 1.717, 2.53, 3.667],
        [0.239, 0.27, 0.249, 0.294, 0.351, 0.42, 0.498, 0.617, 0.8, 1.054, 1.667],
        [0.235, 0.259, 0.223, 0.247, 0.273, 0.313, 0.37, 0.39, 0.42, 0.58, 0.7],
        [0.232, 0.251, 0.207, 0.218, 0.237, 0.253, 0.293, 0.3, 0.32, 0.42, 0.5],
        [0.23, 0.246, 0.196, 0.204, 0.207, 0.208, 0.21, 0.237, 0.26, 0.3, 0.33],
        [0.228, 0.24, 0.185, 0.184, 0.186, 0.191, 0.195, 0.2, 0.2, 0.2, 0.25],
        [0.225, 0.236, 0.174, 0.169, 0.164, 0.162, 0.15, 0.15, 0.15, 0.15, 0.15],
    ]
)
"""Alarms per chunk of one column at R ≥ x, times x: by chunks of the reference (rows) and x (columns).

Measured on 6 million chunks a row, normal statistics whose mean and variance are known from so many reference chunks
only, and whose z-scores are those of the predictive t law; the last cells, which few chunks reach, are smoothed up.
`tests/monitor/detection` measures some of them again.
"""


def alarm_rate(reached: Floats, chunks: float) -> Floats:
    """Return how often one column's evidence reaches ``reached`` per chunk when nothing is wrong.

    Args:
        reached: thresholds, any shape.
        chunks: how many chunks the reference has.
    """
    rows = np.array([np.interp(np.log(reached), np.log(_REACHED), np.log(row)) for row in _RATE])
    place = np.interp(-1 / max(chunks, _CHUNKS[0]), [-1 / each for each in _CHUNKS], np.arange(len(_CHUNKS)))
    low = int(place)
    high = min(low + 1, len(_CHUNKS) - 1)
    logs = rows[low] + (place - low) * (rows[high] - rows[low])
    rate: Floats = np.exp(logs - np.log(reached))
    return rate


def threshold(dial: float, known: Sequence[float]) -> float:
    """Return the sum of evidence over columns at which a model alarms.

    Evidence has a heavy tail, so that its sum is large when one column's is: J columns alarm about J times as often
    as one does, and not more often if they depend on each other.

    Args:
        dial: false alarms that are accepted per 90 chunks, of all kinds together.
        known: by column that gives evidence, how many chunks its variance was learned from.

    >>> threshold(1, [120] * 50) > threshold(3, [120] * 50) > threshold(3, [120] * 10)
    True
    """
    wanted = dial * (1 - FAULT_SHARE - SEGMENT_SHARE) / PERIOD
    grid = np.geomspace(1.0, 1e9, 1000)
    sizes, columns = np.unique(np.array(known, dtype=np.float64), return_counts=True)
    pairs = zip(sizes, columns, strict=True)
    rates = np.minimum.accumulate(sum((count * alarm_rate(grid, size) for size, count in pairs), np.zeros(len(grid))))
    return float(grid[min(int(np.searchsorted(-rates, -wanted)), len(grid) - 1)])


def fault_z(dial: float, tests: int) -> float:
    """Return the z-score from which a fault is told, for so many tests a chunk.

    >>> round(fault_z(1, 350), 1)
    4.7
    """
    from statistics import NormalDist

    return -NormalDist().inv_cdf(dial * FAULT_SHARE / PERIOD / max(1, tests))


def total(evidence: Floats, latest: Floats) -> float:
    """Return the evidence of a model: the sum over its columns, in an order that does not matter.

    What only the latest chunk says is taken from one column alone. A storm moves many columns on one day, which are
    then one odd day and not many pieces of evidence; a second such day is told.

    Args:
        evidence: of each column, [J].
        latest: the part of it that starts with the latest chunk, [J].
    """
    return math.fsum(evidence - latest) + float(latest.max(initial=0.0))
