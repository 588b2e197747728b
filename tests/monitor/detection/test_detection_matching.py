"""A chunk is compared with its own weekday, hour of the week and season, as far as these really differ."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.detection.matching import Matching, has_seasons, labels_of
from monitor.detection.null import MeanLaw

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def starts(count, step):
    return [MONDAY + step * at for at in range(count)]


def test_hours_of_the_week_are_told_apart_and_come_back_after_a_week():
    labels = labels_of(starts(2 * 168, HOUR), HOUR)
    assert sorted(set(labels.tolist())) == list(range(168))
    assert (labels[:168] == labels[168:]).all()


def test_hours_that_differ_are_compared_with_their_own_hour():
    rng = np.random.default_rng(0)
    when = labels_of(starts(6 * 168, HOUR), HOUR)
    wave = np.sin(2 * np.pi * when / 24) + (when >= 5 * 24)
    matching = Matching.fit((wave + rng.normal(0, 0.2, len(when)))[:, None], when)
    assert matching.draw[0] > 0.9
    expected = matching.expected(np.arange(168))[:, 0]
    truth = np.sin(2 * np.pi * np.arange(168) / 24) + (np.arange(168) >= 120)
    assert np.abs(expected - truth).max() < 0.35


@pytest.mark.parametrize(("step", "count"), [(HOUR, 6 * 168), (DAY, 120)])
def test_where_nothing_differs_all_are_pooled(step, count):
    """Chance differences between labels are believed in few of many tries, and then by little."""
    when = labels_of(starts(count, step), step)
    values = np.random.default_rng(1).normal(size=(count, 400))
    draws = Matching.fit(values, when).draw
    assert np.mean(draws > 0) < 0.05
    assert draws.max() < 0.8


def test_small_differences_between_many_hours_are_believed_by_how_sure_they_are():
    """With 168 hours a ratio of variances of 1.7 is no chance; the mean is drawn part of the way."""
    rng = np.random.default_rng(2)
    when = labels_of(starts(10 * 168, HOUR), HOUR)
    wave = 0.27 * rng.normal(size=168)
    draws = Matching.fit(wave[when][:, None] + rng.normal(size=(len(when), 50)), when).draw
    assert np.median(draws) == pytest.approx(1 - 1 / (1 + 10 * np.var(wave)), abs=0.1)


def test_an_hour_the_reference_never_held_is_compared_with_the_whole():
    when = labels_of(starts(120, HOUR), HOUR)
    matching = Matching.fit(np.arange(120.0)[:, None], when)
    assert matching.expected(np.array([167]))[0, 0] == pytest.approx(59.5)


def test_seasons_are_told_apart_only_where_two_years_show_each_twice():
    assert not has_seasons(starts(365, DAY))
    assert has_seasons(starts(731, DAY))
    january, july = labels_of([MONDAY, MONDAY + 182 * DAY], DAY, seasons=True)
    assert january % 7 == july % 7 == 0
    assert (january // 7, july // 7) == (0, 6)


def test_a_summer_day_is_no_change_where_two_years_are_known():
    """Days swing by the year; a third summer is compared with the two before, and a shift beyond it is seen."""
    rng = np.random.default_rng(3)

    def values(first, count):
        day = np.arange(first, first + count)
        return -np.cos(2 * np.pi * day / 365.25) + rng.normal(0, 0.1, count)

    known = starts(731, DAY)
    rows = np.full(731, 1_000)
    labels = labels_of(known, DAY, seasons=True)
    law = MeanLaw.fit(values(0, 731)[:, None], rows, np.array([1.0]), labels)
    july = [MONDAY + DAY * at for at in range(731 + 182, 731 + 212)]
    at = labels_of(july, DAY, seasons=True)
    plain = law.z(values(731 + 182, 30), np.full(30, 1_000), at)[1]
    moved = law.z(values(731 + 182, 30) + 0.8, np.full(30, 1_000), at)[1]
    blind = MeanLaw.fit(values(0, 731)[:, None], rows, np.array([1.0]), labels_of(known, DAY))
    unseen = blind.z(values(731 + 182, 30) + 0.8, np.full(30, 1_000), labels_of(july, DAY))[1]
    assert np.abs(plain).mean() < 1.3
    assert moved.mean() > 2.5
    assert unseen.mean() < 2.5
