"""Estimates anchored on labelled windows: nothing where nothing lasts, the change where it does; bands that hold."""

import math

import numpy as np
import pytest

from monitor.estimation.anchor import Past, anchor
from monitor.estimation.band import estimate
from monitor.estimation.doubt import doubt

CHANCE = 0.01


def past(residual, chance=CHANCE, promise=0.8):
    residual = np.asarray(residual, dtype=float)
    return Past(np.full(len(residual), promise), promise + residual, np.full(len(residual), chance))


def walked(residual, late=2, start=20):
    """Estimates of every window from ``start`` on, each from the windows labelled by then."""
    whole = past(residual)
    return [estimate(0.8, CHANCE, whole.before(at - late + 1), late) for at in range(start, len(whole))]


def test_chance_alone_moves_the_estimate_hardly_ever():
    """Over 1,000 windows of white noise the error grows by less than 2 %."""
    rng = np.random.default_rng(0)
    errors, moved = [], []
    for _ in range(25):
        residual = CHANCE * rng.normal(size=60)
        given = walked(residual)
        errors += [(abs(residual[20 + at] + 0.8 - each.value), abs(residual[20 + at])) for at, each in enumerate(given)]
        moved += [each.offset != 0 for each in given]
    ours, plain = np.mean(errors, axis=0)
    assert ours < 1.02 * plain
    assert np.mean(moved) < 0.15


def test_a_lasting_change_is_carried_forward():
    residual = np.concatenate([np.zeros(20), np.full(20, -0.1)]) + CHANCE * np.random.default_rng(1).normal(size=40)
    given = walked(residual)
    assert given[-1].value == pytest.approx(0.7, abs=0.02)
    assert abs(given[0].value - 0.8) < 0.01


def test_the_forecast_of_an_autoregression_is_nearly_the_best_there_is():
    """Against the forecast that knows the process, phi² of the newest residual."""
    rng = np.random.default_rng(2)
    ours, best = [], []
    for _ in range(200):
        state = [0.0]
        for _ in range(60):
            state.append(0.9 * state[-1] + 0.05 * rng.normal())
        residual = np.array(state[1:])
        ours.append(anchor(past(residual[:-2], chance=1e-4), 1e-4, 2).offset - residual[-1])
        best.append(0.81 * residual[-3] - residual[-1])
    assert np.sqrt(np.mean(np.square(ours))) < 1.15 * np.sqrt(np.mean(np.square(best)))


@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_bands_hold_nine_in_ten(spread):
    """Whether windows scatter by chance alone or four times as much: 2,000 windows."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(50):
        residual = spread * CHANCE * rng.normal(size=60)
        held += [each.low <= 0.8 + residual[20 + at] <= each.high for at, each in enumerate(walked(residual))]
    assert 0.87 <= np.mean(held) <= 0.95


def test_bands_hold_nearly_as_often_while_the_meaning_of_scores_wanders():
    rng = np.random.default_rng(4)
    held = []
    for _ in range(50):
        walk = np.concatenate([np.zeros(20), np.cumsum(0.01 * rng.normal(size=40))])
        residual = walk + CHANCE * rng.normal(size=60)
        held += [each.low <= 0.8 + residual[20 + at] <= each.high for at, each in enumerate(walked(residual))]
    assert 0.85 <= np.mean(held) <= 0.97


def test_without_labelled_windows_the_band_is_of_chance_and_says_so():
    given = estimate(0.8, CHANCE, past([]))
    assert given.value == 0.8
    assert 1.645 * CHANCE < (given.high - given.low) / 2 < 3 * CHANCE
    assert "too few" in doubt(given, 0.0)


def test_without_a_change_the_estimate_is_seldom_called_untrustworthy():
    rng = np.random.default_rng(6)
    said = [each.missed for _ in range(25) for each in walked(CHANCE * rng.normal(size=60))]
    assert np.mean(said) < 0.05


def test_a_jump_is_not_trusted_until_the_bands_have_learned_it():
    """Two windows after a fall of ten points have said so."""
    rng = np.random.default_rng(5)
    residual = np.concatenate([np.zeros(40), np.full(30, -0.1)]) + CHANCE * rng.normal(size=70)
    said = [bool(doubt(each, 0.0)) for each in walked(residual)]
    assert not any(said[:20])
    assert any(said[22:27])
    assert not any(said[40:])


def test_a_band_too_wide_to_say_anything_is_said_to_be_until_it_narrows():
    """Labels come five windows late: a jump of fourteen makes the band of an error reach to hundreds, for weeks."""
    rng = np.random.default_rng(0)
    realised = np.concatenate([4 + rng.normal(0, 0.2, 80), 18 + rng.normal(0, 0.3, 60)])
    seen = Past(np.full(140, 4.0), realised, np.full(140, 0.15))
    each = [estimate(4.0, 0.15, seen.before(at - 4), 5, (0.0, math.inf)) for at in range(70, 140)]
    wide = [given.high > 60 for given in each]
    assert sum(wide) >= 10
    assert [given.vague for given in each] == wide
    assert all("Not to be trusted" in doubt(given, 0.0) for given in each if given.vague)
    assert not each[0].vague
    assert not each[-1].vague


def test_a_band_over_most_of_what_there_is_says_nothing():
    given = estimate(0.6, 0.2, past(np.zeros(30)))
    assert (given.high - given.low > 0.5) is given.vague is True
    assert "too wide to say anything" in doubt(given, 0.0)


def test_measures_stay_within_what_they_can_be():
    given = estimate(0.99, 0.05, past(0.01 * np.ones(10)), bounds=(0.0, 1.0))
    assert given.high == 1.0
    assert given.low < given.value <= 1.0


def test_scores_beyond_the_reference_are_said():
    given = estimate(0.8, CHANCE, past(np.zeros(30)))
    assert doubt(given, 0.04) == ""
    assert "32 %" in doubt(given, 0.32)
