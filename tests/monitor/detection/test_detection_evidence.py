"""Evidence is a fair bet, its average run is at least its threshold, and the dial is the rate that is measured."""

import numpy as np
import pytest
from scipy import integrate, stats

from monitor.detection.evidence import (
    CAP,
    DIALS,
    FAULT_SHARE,
    NUMERIC,
    PERIOD,
    SEGMENT_SHARE,
    SHIFT,
    alarm_rate,
    e_values,
    fault_z,
    grown,
    threshold,
    total,
)
from monitor.detection.localise import named
from monitor.detection.tails import from_t


def test_the_calibrator_is_decreasing_in_p_and_integrates_to_one_without_its_cap():
    uncapped, _ = integrate.quad(lambda z: np.exp(SHIFT * z - SHIFT**2 / 2) * stats.norm.pdf(z), -12, 12)
    capped, _ = integrate.quad(lambda z: float(e_values(np.array([z]))[0]) * stats.norm.pdf(z), -12, 12)
    assert uncapped == pytest.approx(1, abs=1e-6)
    assert 0.8 < capped <= 1
    assert (np.diff(e_values(np.linspace(-5, 50, 500))) >= 0).all()
    assert e_values(np.array([50.0]))[0] == CAP


def test_exact_p_values_alarm_no_more_often_than_once_in_the_threshold():
    rng = np.random.default_rng(0)
    for reached in (20.0, 90.0):
        evidence, alarms, steps = np.zeros(4_000), 0, 400
        for _ in range(steps):
            evidence = grown(evidence, rng.normal(size=4_000))
            alarms += int((evidence >= reached).sum())
            evidence[evidence >= reached] = 0
        assert alarms / (4_000 * steps) <= 1 / reached


@pytest.mark.parametrize("chunks", [30, 120, 10**9])
def test_the_table_of_rates_is_what_a_finite_reference_gives(chunks):
    rng = np.random.default_rng(1)
    columns, steps, reached = 20_000, 150, 100.0
    finite = chunks < 10**6
    centre = rng.normal(size=(columns, 3)) / np.sqrt(chunks)
    scale = np.sqrt(rng.chisquare(chunks - 1, (columns, 3)) / (chunks - 1)) if finite else np.ones((columns, 3))
    evidence, alarms = np.zeros((columns, 4)), 0
    for _ in range(steps):
        t = (rng.normal(size=(columns, 3)) - centre) / (scale * np.sqrt(1 + 1 / chunks))
        z = from_t(t, chunks - 1)
        evidence = grown(evidence, np.column_stack([-z[:, 0], z]))
        hit = evidence @ NUMERIC[:4] >= reached
        alarms += int(hit.sum())
        evidence[hit] = 0
    assert alarms / (columns * steps) == pytest.approx(alarm_rate(np.array([reached]), chunks)[0], rel=0.12)


def test_the_threshold_gives_all_columns_together_the_rate_that_is_asked():
    for dial in DIALS:
        reached = threshold(dial, [120.0] * 30)
        rate = 30 * alarm_rate(np.array([reached]), 120)[0]
        assert rate == pytest.approx(dial * (1 - FAULT_SHARE - SEGMENT_SHARE) / PERIOD, rel=0.05)
    assert threshold(1, [30.0] * 30) > threshold(1, [120.0] * 30) > threshold(1, [np.inf] * 30)


def test_faults_have_their_share_of_the_dial():
    assert stats.norm.sf(fault_z(1.0, 300)) * 300 * PERIOD == pytest.approx(FAULT_SHARE)


def test_what_many_columns_say_in_one_chunk_counts_once():
    fresh = np.array([80.0, 80.0, 80.0])
    assert total(fresh, fresh) == 80
    assert total(fresh + 5, fresh) == 95


def test_columns_are_named_by_the_e_value_form_of_benjamini_and_hochberg():
    rng = np.random.default_rng(2)
    evidence = rng.exponential(size=50)
    evidence[[3, 40]] = 600, 300
    assert named(evidence).tolist() == [3, 40]
    evidence[40] = 200
    assert named(evidence).tolist() == [3]
