"""Change of what a model goes by: known answers, and that ordinary days, however different, are no change."""

import numpy as np
import pytest

from monitor.triage.attribution import drift, ndcg

NAMES = tuple(f"x{at}" for at in range(8))
USUAL = 0.3 / np.arange(1, 9)


def rows(rng, days, each, spread, usual=USUAL):
    """Contributions of some days, whose mean sizes vary by ``spread`` of themselves, [days · each, inputs]."""
    day = usual * np.exp(spread * rng.normal(size=(days, len(usual))))
    sizes = np.repeat(day, each, axis=0) * rng.gamma(2.0, 0.5, size=(days * each, len(usual)))
    return sizes * rng.choice([-1, 1], size=sizes.shape), np.repeat(np.arange(days), each)


@pytest.mark.parametrize(
    ("spread", "days"),
    [(0.0, 1), (0.0, 20), (0.15, 20), (0.4, 20)],
    ids=["one day", "days alike", "days vary", "days vary much"],
)
def test_ordinary_days_are_seldom_a_change(spread, days):
    """Nominal 1 %, in 150 worlds at most 4 %."""
    alarms = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        reference, windows = rows(rng, days, 200 // days, spread)
        current, _ = rows(rng, 1, 50, spread)
        found = drift(NAMES, reference, windows, current, seed=seed)
        alarms.append((any(change.clear for change in found.changes), found.clear))
    of_inputs, of_ranking = np.mean(alarms, axis=0)
    assert of_inputs <= 0.04
    assert of_ranking <= 0.02


@pytest.mark.parametrize("days", [21, 40], ids=["one day with one row", "some days with one row"])
def test_ordinary_days_are_seldom_a_change_where_the_sample_has_one_row_of_some_days(days):
    """They still say how days differ: taken as one day, 84 of 100 ordinary days were a change."""
    alarms, alone = [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        reference, windows = rows(rng, days, 10, 0.35)
        # of the last day its first row; or any 200 rows
        kept = np.arange(201) if days == 21 else rng.choice(len(reference), 200, replace=False)
        alone.append(np.unique(windows[kept], return_counts=True)[1].min() == 1)
        current, _ = rows(rng, 1, 50, 0.35)
        found = drift(NAMES, reference[kept], windows[kept], current, seed=seed)
        alarms.append((any(change.clear for change in found.changes), found.clear))
    of_inputs, of_ranking = np.mean(alarms, axis=0)
    assert np.mean(alone) > 0.2
    assert of_inputs <= 0.06
    assert of_ranking <= 0.03


def test_two_inputs_that_change_places_are_found_and_no_others():
    other = USUAL.copy()
    other[[0, 7]] = other[[7, 0]]
    hits = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        reference, windows = rows(rng, 20, 10, 0.15)
        current, _ = rows(rng, 1, 50, 0.15, other)
        found = drift(NAMES, reference, windows, current)
        hits.append([change.clear for change in found.changes] + [found.clear])
        assert found.rank < 0.8
    share = np.mean(hits, axis=0)
    assert min(share[0], share[7]) == 1.0
    assert share[8] >= 0.8
    assert share[1:7].max() <= 0.1


def test_intervals_of_the_change_cover_it_about_95_times_in_100():
    inside = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        reference, windows = rows(rng, 20, 10, 0.2)
        current, _ = rows(rng, 1, 50, 0.0, USUAL * 1.5)
        known = 1.5 * USUAL - USUAL * np.exp(0.2**2 / 2)
        found = drift(NAMES, reference, windows, current)
        inside.append(
            [low <= at <= high for at, (low, high) in zip(known, (c.interval for c in found.changes), strict=True)]
        )
    assert 0.92 <= np.mean(inside) <= 1.0


def test_the_agreement_of_rankings_by_its_definition():
    sizes, order = np.array([4.0, 3.0, 1.0]), np.array([0.0, 1.0, 2.0])  # the ranking is turned round
    gained = 1 / np.log2(2) + 3 / np.log2(3) + 4 / np.log2(4)
    assert ndcg(sizes, order) == pytest.approx(gained / (4 / np.log2(2) + 3 / np.log2(3) + 1 / np.log2(4)))
    assert ndcg(sizes, 10 * sizes) == 1.0
    assert ndcg(np.zeros(3), order) == 1.0


def test_samples_that_are_too_small_say_nothing_and_the_same_sample_is_no_change():
    rng = np.random.default_rng(0)
    reference, windows = rows(rng, 20, 10, 0.1)
    assert drift(NAMES, reference, windows, reference[:9]) is None
    assert drift(NAMES, reference[:9], windows[:9], reference) is None
    same = drift(NAMES, reference, windows, reference)
    assert same == drift(NAMES, reference, windows, reference)
    assert same.ndcg == same.rank == 1.0
    assert not any(change.clear for change in same.changes)
    assert max(abs(change.change) for change in same.changes) < 1e-12


def test_an_input_that_never_contributed_is_a_change_once_it_does():
    rng = np.random.default_rng(1)
    reference, windows = rows(rng, 20, 10, 0.1)
    reference[:, 3] = 0.0
    current, _ = rows(rng, 1, 50, 0.1)
    found = drift(NAMES, reference, windows, current)
    assert [change.feature for change in found.changes if change.clear] == ["x3"]


@pytest.mark.parametrize("exponent", [-1000, -60, 60, 1000])
def test_sizes_beyond_all_measure_are_compared_as_small_ones_are(exponent):
    """A power of two rounds nothing, so that all that is said is the same, in other units."""
    rng = np.random.default_rng(3)
    reference, windows = rows(rng, 20, 10, 0.2)
    current, _ = rows(rng, 1, 50, 0.2, USUAL[::-1])
    plain = drift(NAMES, reference, windows, current)
    found = drift(NAMES, np.ldexp(reference, exponent), windows, np.ldexp(current, exponent))
    assert (found.ndcg, found.usual_ndcg, found.rank, found.clear) == (
        plain.ndcg,
        plain.usual_ndcg,
        plain.rank,
        plain.clear,
    )
    for one, other in zip(found.changes, plain.changes, strict=True):
        assert one.clear == other.clear
        assert [one.change, one.threshold, *one.interval] == [
            np.ldexp(each, exponent) for each in (other.change, other.threshold, *other.interval)
        ]


def test_the_largest_numbers_there_are_stay_numbers():
    reference, windows = np.full((40, 2), 1.7e308), np.arange(40) // 4
    reference[::2] *= -0.5
    found = drift(("a", "b"), reference, windows, np.full((20, 2), -1.7e308))
    told = [number for each in found.changes for number in (each.change, each.threshold, *each.interval, each.current)]
    assert np.isfinite(told).all()


def test_rows_without_finite_contributions_are_left_out_and_counted():
    rng = np.random.default_rng(4)
    reference, windows = rows(rng, 20, 10, 0.1)
    current, _ = rows(rng, 1, 50, 0.1)
    plain = drift(NAMES, reference[1:], windows[1:], current[2:])
    reference[0, 3], current[0, 0], current[1, 7] = np.inf, np.nan, -np.inf
    found = drift(NAMES, reference, windows, current)
    assert (found.rows, found.unusable) == (48, 3)
    assert found.changes == plain.changes
    assert drift(NAMES, reference, windows, np.full((50, 8), np.nan)) is None
