"""Columns that move together from day to day: what one of them does alone is seen sooner, and no other is accused."""

import numpy as np
import pytest
from scipy import stats

from monitor.detection import State
from monitor.detection.beside import besides, hushed, learned
from monitor.detection.columns import CHANNELS
from monitor.detection.heavy import Tail

DOWN, UP, DOWN_BESIDE, UP_BESIDE = 0, 1, 4, 5
JUDGED = np.arange(4)


def days(rng, count, likeness=0.9):
    """Return z-scores of days: two columns that share a factor, and two by themselves."""
    signed = rng.normal(size=(count, 4))
    signed[:, 1] = likeness * signed[:, 0] + np.sqrt(1 - likeness**2) * signed[:, 1]
    return read(signed)


def read(signed):
    z = np.full((*signed.shape, len(CHANNELS)), np.nan)
    z[..., UP], z[..., DOWN] = signed, -signed
    return z


@pytest.fixture(scope="module")
def lines():
    return learned(days(np.random.default_rng(0), 120), JUDGED)


def test_only_columns_of_which_others_tell_something_are_judged_beside_them(lines):
    assert [line.of for line in lines] == [0, 1]
    # in a regression the slope of standard normal columns is their correlation
    assert lines[0].slopes[1 + lines[0].by.tolist().index(1)] == pytest.approx(0.9, abs=0.1)
    assert lines[0].spread == pytest.approx(np.sqrt(1 - 0.9**2), abs=0.08)


def test_scores_beside_others_are_normal_deviates_before_they_are_bounded():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(60):
        signed = days(rng, 100)[..., UP]
        line = learned(days(rng, 120), JUDGED)[0]
        found.append(line.z(signed)[1])
    z = np.concatenate(found)
    z = z[np.isfinite(z)]
    assert len(z) > 5_500
    assert np.mean(z > 1.645) == pytest.approx(0.05, abs=0.015)
    assert np.mean(z > 2.5) <= 1.6 * stats.norm.sf(2.5)


def test_a_fault_in_one_of_two_columns_stands_out_and_the_other_is_not_accused(lines):
    z = days(np.random.default_rng(2), 400)
    signed = z[..., UP].copy()
    signed[:, 0] += 2
    beside = besides(read(signed), lines)
    alone, told = beside[:, 0, UP], beside[:, 0, UP_BESIDE]
    ordinary = np.isfinite(told)
    assert told[ordinary].mean() > 1.15 * alone[ordinary].mean()
    assert (told[ordinary] <= 1.25 * alone[ordinary] + 1e-9).all()
    # what the first does makes the other look low beside it, but no lower than it is by more than a quarter
    other = beside[:, 1, DOWN_BESIDE]
    assert np.nanmean(other > 2.5) <= np.mean(1.25 * beside[:, 1, DOWN] > 2.5)


def test_what_all_columns_share_does_not_show_beside_the_others(lines):
    signed = days(np.random.default_rng(3), 400)[..., UP].copy()
    signed[:, :2] += 1.5
    told = besides(read(signed), lines)[:, 0, UP_BESIDE]
    assert abs(np.nanmean(told)) < 0.5


def test_nothing_is_said_beside_a_column_that_is_out_of_the_ordinary_missing_or_in_an_incident(lines):
    for odd in (8.0, -8.0, np.nan):
        z = besides(read(np.array([[2.0, odd, 0.0, 0.0]])), lines)
        assert np.isnan(z[0, 0, DOWN_BESIDE:]).all()
        assert z[0, 0, UP] == 2.0
    z = besides(days(np.random.default_rng(4), 1), lines)[0]
    assert np.isfinite(z[:2, DOWN_BESIDE:]).all()
    quiet = hushed(z, lines, frozenset([1]))
    assert np.isnan(quiet[0, DOWN_BESIDE:]).all()
    assert np.array_equal(quiet[:, :DOWN_BESIDE], z[:, :DOWN_BESIDE], equal_nan=True)
    assert hushed(z, lines, frozenset()) is z


def test_few_chunks_a_single_column_or_a_constant_one_teach_nothing():
    rng = np.random.default_rng(5)
    assert learned(days(rng, 40), JUDGED) == ()
    assert learned(days(rng, 120), JUDGED[:1]) == ()
    assert learned(days(rng, 120), JUDGED[:0]) == ()
    still = np.concatenate([days(rng, 120)[..., UP][:, :1], np.zeros((120, 3))], axis=1)
    assert learned(read(still), JUDGED) == ()
    gone = days(rng, 120)
    gone[:60, 1] = np.nan
    assert {line.of for line in learned(gone, JUDGED)} <= {0}


@pytest.mark.parametrize(("chunks", "columns"), [(60, 300), (90, 100)])
def test_columns_that_have_nothing_in_common_teach_nothing_however_many_there_are(chunks, columns):
    """The best of hundreds resemble any one in a few chunks: gone by, they doubled the alarms the dial is to hold."""
    z = read(np.random.default_rng(8).normal(size=(chunks, columns)))
    assert len(learned(z, np.arange(columns))) <= 0.03 * columns


def test_a_side_that_varies_less_has_a_spread_of_its_own():
    """Holidays empty a schedule, and nothing ever doubles it."""
    rng = np.random.default_rng(6)
    z = np.where(rng.random(120) < 0.08, -3.0, rng.normal(0, 0.5, 120))
    z = z / z.std()
    high, low = Tail.of(z, sided=True), Tail.of(-z, sided=True)
    assert 0.5 <= high.spread < 0.75
    assert low.spread == 1
    assert Tail.of(z).spread == 1
    side = high.temper(np.array([-1.0, 1.0, 2.0]))
    assert side[0] <= -1.0  # what lies on the other side is none of its business
    assert (side[1:] > [1.2, 2.3]).all()


def test_a_normal_side_is_seldom_taken_for_a_narrow_one():
    rng = np.random.default_rng(7)
    assert np.mean([Tail.of(rng.normal(size=120), sided=True).spread < 1 for _ in range(1_000)]) < 0.02


def test_what_was_remembered_before_there_were_such_scores_is_read_and_kept():
    """A store of the version before holds four numbers a column."""
    kept = {
        "chunks": 3,
        "seen": "2024-01-04T00:00:00+00:00",
        "last": {"x": [None, 1.5, 0.2, None]},
        "evidence": {"x": [1.0, 2.0, 0.0, 0.5]},
        "open": [],
    }
    state = State.from_json(kept)
    assert state.evidence["x"].tolist() == [1.0, 2.0, 0.0, 0.5, 0.0, 0.0]
    assert np.isnan(state.last["x"][[0, 3, 4, 5]]).all()
    again = State.from_json(state.to_json())
    assert again.evidence["x"].tolist() == state.evidence["x"].tolist()
