"""What the measures of a column share is computed once, and no measure can change it for another."""

from copy import copy

import numpy as np

import monitor.drift
from monitor.drift import DriftMeasure
from monitor.drift.shares import ShareMeasure, cumulative_difference
from monitor.plugins import plugins
from monitor.types import Kind

RNG = np.random.default_rng(4)
MEASURES = [measure() for measure in plugins(monitor.drift, DriftMeasure).values()]


class Careless(ShareMeasure):
    """One that writes into what it is given."""

    name, title, groups = "careless", "Careless", 10

    def distance(self, before, after):
        before += 1
        after[:] = 0
        return 0.0


def test_measures_say_the_same_whatever_was_asked_before(profiles):
    pairs = [profiles(Kind.NUMERIC, RNG.normal(size=3_000), RNG.normal(0.2 * k, 1.1, 700)) for k in range(3)]
    alone = {}
    for at, pair in enumerate(pairs):
        for measure in MEASURES:
            alone[at, measure.name] = measure.score(*map(copy, pair))  # others, of which nothing can be known yet
    for at in (0, 1, 0, 2, 1):
        for measure in MEASURES:
            Careless().score(*pairs[at])
            difference, before = cumulative_difference(*pairs[at])
            difference[:] = before[:] = 7.0
            assert measure.score(*pairs[at]) == alone[at, measure.name]
    assert len(set(alone.values())) == len(alone)  # otherwise one pair's could stand for another's unnoticed
