"""How far out the largest of all segments lies by chance, so often as the dial allows.

Segments overlap and channels agree, so that they are fewer tests than they are. How much so is read off the past: its
chunks, weighted by normal numbers at random, are chunks of the same dependence in which nothing is wrong (the
multiplier bootstrap of Chernozhukov, Chetverikov and Kato 2013). Detections are counted in them as the scan counts.
"""

from statistics import NormalDist

import numpy as np

from monitor.detection.evidence import PERIOD
from monitor.profile.values import Floats

POOLED = (1, 3, 7)
"""The scan looks at the last chunk, and at the last 3 and 7 taken together: a small fault shows in several."""

CALM = 7
"""An incident is over after so many calm chunks; until then there is no other."""

DRAWS = 20_000
_COLUMNS = 1_000  # tests drawn at a time, bounded in memory
_BEYOND = 0.1  # deviations above all that was drawn


def learned(standard: Floats, false_alarms: float, seed: int = 0, draws: int = DRAWS) -> float:
    """Return the absolute z-score from which the largest of all is a hit.

    Args:
        standard: z-scores of K ordinary chunks in N tests, [K, N]; 0 where one says nothing.
        false_alarms: how many are accepted per 90 chunks.
        seed: of the draws; the same past gives the same threshold.
        draws: how many chunks are drawn.
    """
    tests = standard.reshape(len(standard), -1)
    size = np.sqrt((tests**2).mean(axis=0))
    tests = (tests / np.maximum(size, 1e-12))[:, size > 0].astype(np.float32)
    if not tests.shape[1]:
        return np.inf
    rng = np.random.default_rng(seed)
    weights = (rng.standard_normal((draws + max(POOLED), len(tests))) / np.sqrt(len(tests))).astype(np.float32)
    largest = np.zeros(draws)
    for start in range(0, tests.shape[1], _COLUMNS):
        reached = np.cumsum(weights @ tests[:, start : start + _COLUMNS], axis=0, dtype=np.float64)
        for pooled in POOLED:
            moving = np.abs(reached[pooled:] - reached[:-pooled]).max(axis=1) / np.sqrt(pooled)
            largest = np.maximum(largest, moving[-draws:])
    return _level(largest, false_alarms / PERIOD * draws)


def unlearned(tests: int, false_alarms: float) -> float:
    """Return a threshold that holds whatever the dependence of so many two-sided tests (Bonferroni).

    >>> round(unlearned(300, 0.5), 1)
    4.5
    """
    return -NormalDist().inv_cdf(false_alarms / PERIOD / (2 * max(1, tests) * len(POOLED)))


def _level(largest: Floats, wanted: float) -> float:
    """Return the lowest level that at most so many separate episodes of a sequence reach, coming from above.

    Far down episodes run together, and are few again.
    """
    ordered = np.sort(largest)[::-1]
    reached = 0  # so many chunks are at or above a level that is high enough
    step = len(ordered)
    while step:
        if reached + step <= len(ordered) and _most(largest, ordered[: reached + step]) <= wanted:
            reached += step
        step //= 2
    return float(ordered[reached - 1]) if reached else float(ordered[0]) + _BEYOND


def _most(largest: Floats, levels: Floats) -> int:
    """Return the most episodes of any of some levels, by looking at a few dozen of them."""
    ranks = np.unique(np.geomspace(1, len(levels), 40).astype(np.int64)) - 1
    return max(episodes(largest >= level) for level in levels[ranks])


def episodes(hit: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Return how many incidents a sequence of hits makes.

    >>> episodes(np.array([True] * 9 + [False] * 6 + [True] + [False] * 7 + [True]))
    2
    """
    at = np.flatnonzero(hit)
    return int(len(at) > 0) + int(np.count_nonzero(np.diff(at) > CALM))
