"""Laws learned from chunks of the reference hold for chunks of any size, and between days as within them."""

import numpy as np
import pytest
from scipy import stats

from monitor.detection.distance import DistanceLaw, LargestLaw
from monitor.detection.evidence import NUMERIC, e_values, grown, threshold
from monitor.detection.heavy import Tail
from monitor.detection.matching import Matching
from monitor.detection.null import MeanLaw

SAME = np.zeros(10_000, dtype=np.int64)


def fitted_and_judged(rng, between, rows, later_rows, chunks=120, redraws=200):
    """Return z-scores of the mean of unit-variance rows, with days that differ by ``between``."""
    found = []
    for _ in range(redraws):
        size = np.full(chunks, rows)
        values = rng.normal(scale=np.sqrt(between + 1 / size))[:, None]
        law = MeanLaw.fit(values, size, np.ones(1), SAME[:chunks])
        later = np.full(20, later_rows)
        found.append(law.z(rng.normal(scale=np.sqrt(between + 1 / later)), later, SAME[:20])[1])
    return np.concatenate(found)


@pytest.mark.parametrize(("rows", "later"), [(1000, 1000), (1000, 200), (200, 1000), (1000, 50)])
@pytest.mark.parametrize("between", [0.0, 0.01])
def test_tail_areas_are_held_when_chunks_are_larger_or_smaller_than_the_reference_s(rows, later, between):
    z = fitted_and_judged(np.random.default_rng(3), between, rows, later)
    assert np.mean(z > 2) < 1.35 * stats.norm.sf(2)
    assert np.mean(z > 3) < 2.5 * stats.norm.sf(3)


def test_days_that_differ_are_not_taken_for_a_change():
    rng = np.random.default_rng(4)
    z = fitted_and_judged(rng, 0.05, 1000, 1000)
    naive = rng.normal(scale=np.sqrt(0.05 + 1e-3), size=4000) / np.sqrt(1e-3)
    assert np.mean(z > 3) < 0.005
    assert np.mean(naive > 3) > 0.3


def test_each_chunk_is_compared_with_the_others_only():
    rng = np.random.default_rng(5)
    values, labels = rng.normal(size=(70, 2)), np.arange(70) % 7
    values += labels[:, None]
    matching = Matching.fit(values, labels)
    left_out = matching.left_out(values, labels)
    for at in (0, 13):
        rest = np.arange(70) != at
        whole, own = values[rest].mean(axis=0), values[rest & (labels == labels[at])].mean(axis=0)
        np.testing.assert_allclose(left_out[at], whole + matching.draw * (own - whole))


def test_weekdays_are_matched_where_they_differ_and_pooled_where_they_do_not():
    rng = np.random.default_rng(6)
    labels = np.arange(140) % 7
    values = np.column_stack([rng.normal(size=140) + 3 * (labels >= 5), rng.normal(size=140)])
    draw = Matching.fit(values, labels).draw
    assert draw[0] > 0.9
    assert draw[1] == 0


def test_a_tail_heavier_than_the_law_s_is_taken_from_the_reference():
    rng = np.random.default_rng(7)
    own, later = rng.standard_t(2, size=300), rng.standard_t(2, size=20_000)
    tail = Tail.of(own / own.std())
    found = tail.temper(later / own.std())
    assert tail.heavy
    assert np.mean(found > 2.3) < 0.03
    assert (found <= later / own.std()).all()


def test_evidence_of_a_rank_is_a_fair_bet():
    """Over references and chunks of one heavy law the mean of the e-value is 1 at most, and not a small part of it."""
    rng = np.random.default_rng(17)
    bets = []
    for _ in range(400):
        own, later = np.exp(2 * rng.normal(size=60)), np.exp(2 * rng.normal(size=200))
        tail = Tail(np.sort(own), heavy=True)
        bets.append(e_values(tail.temper(np.minimum(later, own.max() * (1 + 1e-9)))))  # farther out the law goes on
    assert 0.6 < np.mean(bets) < 1.05


def test_days_as_far_out_as_a_reference_s_second_farthest_alarm_when_they_stay():
    """A sensor that adds a little to every value of a mostly dry reference: each day reads as a day of a storm."""
    own = np.sort(np.concatenate([np.zeros(118), [9.0, 12.0]]))
    z = Tail.of(own).temper(np.full((3, 1), 11.0)[:, 0])
    evidence = np.zeros(1)
    for each in z:
        evidence = grown(evidence, np.array([each]))
    assert NUMERIC[1] * evidence[0] > threshold(1, [120.0] * 15)


def test_a_normal_tail_is_left_alone():
    own = stats.norm.ppf((np.arange(120) + 0.5) / 120)
    tail = Tail.of(own)
    z = np.array([-1.0, 2.0, 6.0])
    assert tail.temper(z) is z


def test_distances_of_any_size_of_chunk_have_the_right_tail():
    rng = np.random.default_rng(8)
    found = []
    for _ in range(200):
        reference = rng.chisquare(8, 60) / 8 / 1000
        law = DistanceLaw.fit(reference, np.full(60, 1000), 1.0, np.empty(0))
        found.append(law.z(rng.chisquare(8, 20) / 8 / 250, np.full(20, 250)))
    z = np.concatenate(found)
    assert np.mean(z > 2) < 1.3 * stats.norm.sf(2)
    assert law.z(np.array([0.05]), np.array([1000]))[0] > 5


def test_the_largest_of_dependent_scores_is_judged_by_the_reference():
    rng = np.random.default_rng(9)
    own = rng.normal(size=(150, 1)) + 0.01 * rng.normal(size=(150, 40))
    law = MeanLaw.fit(own, np.full(150, 100), np.full(40, 1e-6), SAME[:150])
    largest = LargestLaw.fit(law)
    z = largest.z(np.abs(np.repeat(rng.normal(size=(5000, 1)), 40, axis=1)))
    assert abs(np.mean(z > 1) - stats.norm.sf(1)) < 0.06  # independence would make it 0.00


def test_below_thirty_chunks_a_prior_makes_laws_cautious():
    rng = np.random.default_rng(10)
    values, rows = rng.normal(scale=0.03, size=(4, 1)), np.full(4, 1000)
    few = MeanLaw.fit(values, rows, np.ones(1), SAME[:4])
    assert few.typical[0] > 2 / 1000
    assert few.z(np.array([0.1]), np.array([1000]), SAME[:1])[1][0] < 0.1 * np.sqrt(1000)
    one = MeanLaw.fit(values[:1], rows[:1], np.ones(1), SAME[:1])
    assert np.isfinite(one.z(np.array([0.1]), np.array([1000]), SAME[:1])[1][0])


def test_a_timetable_is_known_by_what_its_days_show_and_not_by_sampling():
    """Every day has the same hours: a shift far below the error of rows drawn at random is seen."""
    rng = np.random.default_rng(8)
    rows, sampling = np.full(120, 100), 1 / 10
    values = rng.normal(0, sampling / 20, (120, 1))
    law = MeanLaw.fit(values, rows, np.ones(1), SAME[:120], sided=True)
    assert law.regular
    assert not law.plain
    assert law.known == 120
    later = rng.normal(0, sampling / 20, 4_000)
    z = law.z(later, np.full(4_000, 100), np.zeros(4_000, dtype=np.int64))[1]
    assert z.std() == pytest.approx(1, abs=0.2)
    assert np.mean(z > 2.5) <= 2 * stats.norm.sf(2.5)
    moved = law.z(np.full(3, 0.4 * sampling), rows[:3], SAME[:3])[1]
    assert (moved > 4).all()


def test_days_that_are_all_the_same_leave_an_error_to_be_seen_beyond():
    law = MeanLaw.fit(np.zeros((60, 1)), np.full(60, 100), np.ones(1), SAME[:60], sided=True)
    z = law.z(np.array([0.0, 1e-4, 0.1]), np.full(3, 100), SAME[:3])[1]
    assert z[0] == 0
    assert abs(z[1]) < 1
    assert z[2] > 5


def test_rows_drawn_at_random_are_seldom_taken_for_a_timetable():
    rng = np.random.default_rng(9)
    laws = [
        MeanLaw.fit(rng.normal(0, 0.1, (60, 1)), np.full(60, 100), np.ones(1), SAME[:60], sided=True)
        for _ in range(2_000)
    ]
    assert np.mean([law.regular for law in laws]) < 0.005
