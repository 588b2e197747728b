"""Days that resemble the day before are not taken for independent evidence."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.detection.evidence import NUMERIC, PERIOD, grown, threshold
from monitor.detection.memory import memory, surprise

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)


def walk(rng, correlation, days, columns):
    z = np.empty((days, columns))
    z[0] = rng.normal(size=columns)
    for day in range(1, days):
        z[day] = correlation * z[day - 1] + np.sqrt(1 - correlation**2) * rng.normal(size=columns)
    return z


@pytest.mark.parametrize("correlation", [0.3, 0.7])
def test_the_dial_holds_where_days_resemble_each_other(correlation):
    rng = np.random.default_rng(0)
    z = walk(rng, correlation, 120, 15_000)
    reached, rates = threshold(1, [120] * 16), []
    for known in (0.0, correlation):
        evidence, alarms = np.zeros((z.shape[1], 4)), 0
        for day in range(1, len(z)):
            now, last = np.column_stack([z[day], -z[day]]), np.column_stack([z[day - 1], -z[day - 1]])
            told = np.pad(surprise(now, last, np.full(2, known)), ((0, 0), (0, 2)), constant_values=np.nan)
            evidence = grown(evidence, told)
            hit = evidence @ NUMERIC[:4] >= reached
            alarms += int(hit.sum())
            evidence[hit] = 0
        rates.append(alarms / z.size * PERIOD * 16)
    assert rates[0] > 3
    assert rates[1] < 1


def test_the_correlation_is_learned_from_days_that_follow_one_another_only():
    rng = np.random.default_rng(1)
    z = np.stack([walk(rng, 0.7, 200, 5), rng.normal(size=(200, 5))], axis=2)
    days = [START + day * DAY for day in range(200)]
    found = memory(z, days, DAY)
    assert found[:, 0] == pytest.approx(0.7, abs=0.2)
    assert (found[:, 1] < 0.25).all()
    assert not memory(z, [START + 2 * day * DAY for day in range(200)], DAY).any()
    assert not memory(z[:10], days[:10], DAY).any()


def test_a_z_score_never_counts_for_more_than_it_is():
    z = np.array([1.0, -1.0, 2.0])
    assert (surprise(z, np.array([-3.0, -3.0, np.nan]), np.full(3, 0.5)) <= z).all()
