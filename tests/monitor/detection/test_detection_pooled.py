"""Plain columns share what they show of days; columns whose days differ keep their own."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from monitor.detection import Detector, Tallies
from monitor.detection.chunks import Batch
from monitor.profile.binning import NumericBins
from tests.benchmarks.streams.made import made

CHUNKS, ROWS = 120, 1_000
CONTINUOUS = [f"c{at:02}" for at in range(50) if at % 10 < 5]


def restless(batch: Batch, name: str, between: float, rng: np.random.Generator) -> Batch:
    """Return the batch with one column whose days differ by themselves, by so many deviations."""
    tallies = batch.tallies[name]
    assert isinstance(tallies.binning, NumericBins)
    counts = tallies.counts.copy()
    cuts = stats.norm.ppf(np.linspace(0, 1, 241))
    head = tallies.binning.HEAD + 1
    for row in counts:
        row[head : head + 240] = rng.multinomial(ROWS, np.diff(stats.norm.cdf(cuts - rng.normal(0, between))))
    moved = Tallies(name, tallies.binning, counts, tallies.minimum, tallies.maximum)
    return replace(batch, tallies={**batch.tallies, name: moved})


@pytest.fixture(scope="module")
def batch() -> Batch:
    return made(50, 3).batch(np.random.default_rng(3), ROWS, CHUNKS)


def test_columns_of_rows_drawn_at_random_are_known_as_well_as_all_of_them_together(batch):
    laws = Detector.fit_batch(batch).laws
    excess = np.array([laws[name].location.excess[0] for name in CONTINUOUS if laws[name].location.plain])
    assert len(excess) >= 20
    assert np.ptp(excess) == pytest.approx(0, abs=1e-12)
    assert 0 <= excess[0] < 0.06  # by itself each would be off by √(2/120), which is 0.13


def test_a_column_whose_days_differ_keeps_its_own_variance_and_is_not_asked(batch):
    plain = Detector.fit_batch(batch).laws
    laws = Detector.fit_batch(restless(batch, "c00", 0.1, np.random.default_rng(4))).laws
    assert laws["c00"].location.between[0] == pytest.approx(0.01, rel=0.5)
    assert laws["c00"].known == CHUNKS
    # it is not among those that are asked, nor was it before it differed: the others' mean moves by one of some thirty
    assert laws["c01"].location.excess[0] == pytest.approx(plain["c01"].location.excess[0], abs=0.01)


def test_calm_columns_read_as_deviates_and_not_as_less(batch):
    """What a column shows by chance is not held against it: z-scores deviate by 1, not by less in half of them."""
    detector = Detector.fit_batch(batch)
    later = made(50, 3).batch(np.random.default_rng(5), ROWS, 300, CHUNKS)
    z = detector.read(later).z
    spread = [np.nanstd(z[:, list(detector.laws).index(name), 1]) for name in CONTINUOUS]
    assert np.mean(spread) == pytest.approx(1, abs=0.05)


def test_one_column_alone_stays_as_it_is():
    batch = made(50, 3).batch(np.random.default_rng(3), ROWS, CHUNKS)
    alone = Detector.fit_batch(replace(batch, tallies={"c00": batch.tallies["c00"]})).laws["c00"].location
    among = Detector.fit_batch(batch).laws["c00"].location
    assert alone.excess[0] != among.excess[0]
    assert alone.within == among.within
