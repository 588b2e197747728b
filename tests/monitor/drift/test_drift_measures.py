"""Drift measures agree with scipy on the same rows, within the stated error of binning."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import euclidean, jensenshannon
from scipy.special import rel_entr

from monitor.drift import describe
from monitor.drift.chi2 import ChiSquared
from monitor.drift.hellinger import Hellinger
from monitor.drift.jensen_shannon import JensenShannon
from monitor.drift.ks import KolmogorovSmirnov
from monitor.drift.psi import PopulationStability
from monitor.drift.threshold import FEWEST, chunk_threshold
from monitor.drift.wasserstein import RankWasserstein, in_deviations
from monitor.drift.wasserstein_raw import RawWasserstein
from monitor.profile.edges import BINS
from monitor.types import Kind

RNG = np.random.default_rng(11)
PAIRS = {
    "shift": (RNG.normal(size=24_000), RNG.normal(0.3, 1, 5_000)),
    "scale": (RNG.normal(size=24_000), RNG.normal(0, 1.5, 5_000)),
    "tails": (RNG.lognormal(size=24_000), RNG.lognormal(0.1, 1.2, 5_000)),
    "same": (RNG.gamma(2, size=24_000), RNG.gamma(2, size=5_000)),
    "far": (RNG.random(24_000), RNG.random(5_000) + 0.9),
}
DISCRETE = (RNG.poisson(3, 9_000).astype(float), RNG.poisson(4, 2_000).astype(float))
CITIES = [f"c{i}" for i in range(12)]
CATEGORIES = (RNG.choice(CITIES, 9_000, p=np.arange(1, 13) / 78), RNG.choice([*CITIES[:9], "new"], 2_000))


@pytest.mark.parametrize("name", PAIRS)
def test_ks_is_scipy_s_less_at_most_the_greatest_bin(name, profiles):
    reference, current = profiles(Kind.NUMERIC, *PAIRS[name])
    truth = stats.ks_2samp(*PAIRS[name]).statistic
    largest = max(reference.mass.max() / reference.present, current.bins.max() / current.present)
    score = KolmogorovSmirnov().score(reference, current)
    assert truth - largest <= score <= truth + 1e-12
    assert truth - score <= 0.003 or largest > 0.05  # as measured on smooth data: far better than the bound


def test_ks_is_exact_where_every_value_has_a_bin(profiles):
    score = KolmogorovSmirnov().score(*profiles(Kind.NUMERIC, *DISCRETE))
    assert score == pytest.approx(stats.ks_2samp(*DISCRETE).statistic, abs=1e-12)


def middle_ranks(reference: np.ndarray, values: np.ndarray) -> np.ndarray:
    ordered = np.sort(reference)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2 / len(ordered)


def rank_distance(reference: np.ndarray, current: np.ndarray) -> float:
    return stats.wasserstein_distance(middle_ranks(reference, reference), middle_ranks(reference, current))


@pytest.mark.parametrize("name", PAIRS)
def test_wasserstein_of_ranks_is_scipy_s_within_one_bin(name, profiles):
    score = RankWasserstein().score(*profiles(Kind.NUMERIC, *PAIRS[name]))
    truth = rank_distance(*PAIRS[name])
    assert in_deviations(max(0.0, truth - 1 / BINS)) <= score <= in_deviations(truth + 1 / BINS)
    assert score == pytest.approx(in_deviations(truth), abs=0.01)


def test_wasserstein_is_exact_where_every_value_has_a_bin(profiles):
    score = RankWasserstein().score(*profiles(Kind.NUMERIC, *DISCRETE))
    assert score == pytest.approx(in_deviations(rank_distance(*DISCRETE)), abs=1e-12)


@pytest.mark.parametrize("shift", [0.1, 0.5, 1.0, 2.0])
def test_wasserstein_of_a_shifted_normal_is_the_shift(shift, profiles):
    normal = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    score = RankWasserstein().score(*profiles(Kind.NUMERIC, normal, normal + shift))
    assert score == pytest.approx(shift, abs=0.01)


def test_wasserstein_of_values_all_beyond_one_end_is_six(profiles):
    score = RankWasserstein().score(*profiles(Kind.NUMERIC, [1.0, 2.0], [9.0, 10.0]))
    assert score == pytest.approx(6.0)


@pytest.mark.parametrize("name", PAIRS)
def test_wasserstein_of_values_is_scipy_s_within_half_a_bin_a_value(name, profiles):
    reference, current = profiles(Kind.NUMERIC, *PAIRS[name])
    edges = reference.binning.edges
    ends = [min(current.minimum, edges[0]), *edges, max(current.maximum, edges[-1])]
    bound = float(np.diff(ends) @ (reference.mass / reference.present + current.mass / current.present)) / 2
    truth = stats.wasserstein_distance(*PAIRS[name])
    score = RawWasserstein().score(reference, current)
    assert truth - bound <= score <= truth + bound
    assert score == pytest.approx(truth, abs=0.05 * reference.std)  # as measured: far better than the bound


def test_wasserstein_of_values_is_exact_where_every_value_has_a_bin(profiles):
    score = RawWasserstein().score(*profiles(Kind.NUMERIC, *DISCRETE))
    assert score == pytest.approx(stats.wasserstein_distance(*DISCRETE), abs=1e-5)


def test_wasserstein_of_values_matters_from_a_tenth_of_the_reference_s_deviation(profiles):
    reference, *chunks = profiles(Kind.NUMERIC, PAIRS["shift"][0] * 50, *[PAIRS["shift"][0][:500] * 50] * 3)
    assert RawWasserstein().least(reference) == pytest.approx(0.1 * reference.std)
    assert chunk_threshold(RawWasserstein(), chunks).threshold == pytest.approx(0.2 * chunks[0].std)


def test_wasserstein_of_numbers_beyond_what_a_float_holds_is_not_told(profiles):
    assert RawWasserstein().score(*profiles(Kind.NUMERIC, [-1.7e308, 0.0, 1.7e308], [1.7e308] * 3)) == 1.7e308
    assert RawWasserstein().score(*profiles(Kind.NUMERIC, [-1.7e308] * 3, [1.7e308] * 3)) is None


def hellinger(p: np.ndarray, q: np.ndarray) -> float:
    return float(euclidean(np.sqrt(p), np.sqrt(q)) / np.sqrt(2))


def chi2(p: np.ndarray, q: np.ndarray) -> float:
    """Return the statistic of 1,000 rows, a row; what the reference never held counts as 0.01 % of it."""
    held = p > 0
    known = stats.chisquare(q[held] * 1000, p[held] * 1000, sum_check=False).statistic / 1000
    return float(known + np.sum(q[~held] ** 2) / 1e-4)


@pytest.mark.parametrize("name", PAIRS)
def test_measures_of_groups_are_exact_at_reference_quantiles(name, profiles):
    before, after = PAIRS[name]
    pair = profiles(Kind.NUMERIC, before, after)
    for measure, groups, oracle in (
        (PopulationStability(), 10, psi),
        (JensenShannon(), 20, js),
        (Hellinger(), 20, hellinger),
        (ChiSquared(), 10, chi2),
    ):
        inside = pair[0].binning.edges[:: BINS // groups][1:-1]
        edges = np.concatenate([[-np.inf], inside, [np.inf]])
        p, q = (np.histogram(x, edges)[0] / len(x) for x in (before, after))
        assert p == pytest.approx(1 / groups)
        assert measure.score(*pair) == pytest.approx(oracle(p, q), abs=1e-12)


def test_measures_of_categories_are_exact(profiles):
    pair = profiles(Kind.CATEGORICAL, *CATEGORIES)
    p, q = (np.array([np.mean(x == c) for c in [*CITIES, "new"]]) for x in CATEGORIES)
    assert PopulationStability().score(*pair) == pytest.approx(psi(p, q), abs=1e-12)
    assert JensenShannon().score(*pair) == pytest.approx(js(p, q), abs=1e-12)
    assert Hellinger().score(*pair) == pytest.approx(hellinger(p, q), abs=1e-12)
    assert ChiSquared().score(*pair) == pytest.approx(chi2(p, q), rel=1e-9)


def test_hellinger_and_chi_squared_keep_their_bounds(profiles):
    """Nothing in common reads 1; a category that the reference never held has a finite cost."""
    apart = profiles(Kind.CATEGORICAL, ["a"], ["b"])
    assert Hellinger().score(*apart) == pytest.approx(1)
    assert Hellinger().score(*reversed(apart)) == pytest.approx(1)
    assert ChiSquared().score(*apart) == pytest.approx(10_001)  # (1 − 0)² / 0.0001 and (0 − 1)² / 1
    few, many = profiles(Kind.NUMERIC, *PAIRS["same"]), profiles(Kind.NUMERIC, *PAIRS["far"])
    assert 0 < Hellinger().score(*few) < Hellinger().score(*many) <= 1


def psi(p: np.ndarray, q: np.ndarray) -> float:
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(np.sum(rel_entr(p, q) + rel_entr(q, p)))


def js(p: np.ndarray, q: np.ndarray) -> float:
    return float(jensenshannon(p, q, base=2))


def test_jensen_shannon_is_symmetric_and_at_most_one(profiles):
    one, two = profiles(Kind.CATEGORICAL, *CATEGORIES)
    assert JensenShannon().score(one, two) == pytest.approx(JensenShannon().score(two, one), abs=1e-12)
    assert JensenShannon().score(*profiles(Kind.CATEGORICAL, ["a"], ["b"])) == pytest.approx(1)


def test_describe_says_what_changed_in_plain_units(profiles):
    numeric = describe(*profiles(Kind.NUMERIC, [0.0, 10.0], [10.0, 20.0]))
    assert numeric == pytest.approx({"reference_mean": 5, "current_mean": 15, "reference_std": 5, "shift_sd": 2})
    category = describe(*profiles(Kind.CATEGORICAL, ["a", "a", "b", "b"], ["a", "b", "b", "b"]))
    assert category == {"category": "a", "reference_share": 0.5, "current_share": 0.25}
    assert describe(*profiles(Kind.CATEGORICAL, ["a"], ["b", "b"]))["category"] in ("a", "(unseen)")
    assert describe(*profiles(Kind.NUMERIC, [1.0], [])) == {}
    assert describe(*profiles(Kind.NUMERIC, [2.0, 2.0], [3.0]))["shift_sd"] is None


def days(count: int, spread: float) -> list[np.ndarray]:
    rng = np.random.default_rng(12)
    return [rng.normal(rng.normal(0, spread), 1, 800) for _ in range(count)]


@pytest.mark.parametrize(
    "measure",
    [PopulationStability(), JensenShannon(), Hellinger(), KolmogorovSmirnov(), RankWasserstein(), RawWasserstein()],
)
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_ordinary_days_stay_below_the_threshold_and_a_shift_does_not(measure, spread, profiles):
    """Days that differ by themselves do not alarm, however much the rows of a day agree with each other."""
    everyday = days(120, spread)
    reference, *chunks = profiles(Kind.NUMERIC, np.concatenate(everyday[:60]), *everyday, everyday[0] + 2.5)
    calibration = chunk_threshold(measure, chunks[:60])
    assert (calibration.calibrated, calibration.chunks) == (True, 60)
    assert calibration.threshold >= 0.99 * measure.least(reference)  # chunks deviate by a little less or more
    later = [measure.score(reference, chunk) for chunk in chunks[60:120]]
    assert sum(score > calibration.threshold for score in later) <= 1
    assert measure.score(reference, chunks[120]) > calibration.threshold


def test_threshold_scores_each_chunk_against_the_others(profiles):
    parts = [np.arange(40.0) + day for day in range(FEWEST)]
    _, *chunks = profiles(Kind.NUMERIC, np.concatenate(parts), *parts)
    scores = []
    for left in range(FEWEST):
        others = [chunk for at, chunk in enumerate(chunks) if at != left]
        scores.append(KolmogorovSmirnov().score(sum(others[1:], start=others[0]), chunks[left]))
    expected = max(0.1, np.mean(scores) + 4 * np.std(scores))
    assert chunk_threshold(KolmogorovSmirnov(), chunks).threshold == pytest.approx(expected)


@pytest.mark.parametrize("count", [0, 1, FEWEST - 1])
def test_few_chunks_are_not_calibrated(count, profiles):
    _, *chunks = profiles(Kind.NUMERIC, [1.0, 2.0], *[[1.0, 2.0]] * count)
    found = chunk_threshold(KolmogorovSmirnov(), chunks)
    assert (found.calibrated, found.threshold) == (False, 0.2)


def test_chunks_without_values_are_left_out(profiles):
    _, *chunks = profiles(Kind.NUMERIC, [1.0, 2.0], *[[1.0, 2.0]] * 20, *[[None]] * 5)
    assert chunk_threshold(KolmogorovSmirnov(), chunks).chunks == 20
    assert not math.isnan(chunk_threshold(KolmogorovSmirnov(), chunks).threshold)
