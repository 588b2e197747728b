"""What counts as an ordinary share of faults: what days of the reference show, held against each other."""

from collections.abc import Callable

import numpy as np
import pytest

from monitor.jobs.ordinary import others, quality_threshold
from monitor.profile.column import ColumnProfile
from monitor.quality.null_share import NullShare
from monitor.quality.out_of_range_share import OutOfRangeShare
from monitor.quality.unseen_share import UnseenShare
from monitor.types import Kind

Build = Callable[..., list[ColumnProfile]]


def whole_and_days(profiles: Build, kind: Kind, days: list[list[object]]) -> tuple[ColumnProfile, list[ColumnProfile]]:
    rows = [value for day in days for value in day]
    found = profiles(kind, rows, *days)
    return found[0], found[1:]


def test_nulls_that_come_and_go_by_day_are_ordinary(profiles: Build) -> None:
    days: list[list[object]] = [
        [None] * (60 * (day % 3)) + [1.0, 2.0] * ((200 - 60 * (day % 3)) // 2) for day in range(20)
    ]
    whole, parts = whole_and_days(profiles, Kind.NUMERIC, days)
    shares = [0.3 * (day % 3) for day in range(20)]
    measure = NullShare()
    expected = min(1.0, float(np.mean(shares) + 4 * np.std(shares)))
    assert quality_threshold(measure, whole, parts) == pytest.approx(expected)
    assert quality_threshold(measure, whole, parts[:13]) == measure.threshold(whole), "too few days to know"


def test_without_faults_the_measures_own_threshold_holds(profiles: Build) -> None:
    rng = np.random.default_rng(0)
    days: list[list[object]] = [[-9.0, 9.0, *rng.normal(0, 1, 100).tolist()] for _ in range(20)]
    whole, parts = whole_and_days(profiles, Kind.NUMERIC, days)
    assert quality_threshold(NullShare(), whole, parts) == NullShare.floor
    assert quality_threshold(OutOfRangeShare(), whole, parts) == OutOfRangeShare.floor


def test_a_day_beyond_all_others_widens_what_is_ordinary(profiles: Build) -> None:
    days: list[list[object]] = [[float(value) for value in range(100)] for _ in range(19)]
    days.append([float(value) for value in range(80)] + [500.0 + value for value in range(20)])
    whole, parts = whole_and_days(profiles, Kind.NUMERIC, days)
    shares = np.array([0.2] + [0.0] * 19)
    assert quality_threshold(OutOfRangeShare(), whole, parts) == pytest.approx(
        shares.mean() + 4 * shares.std(), rel=0.05
    )


def test_a_day_below_all_others_counts_as_well(profiles: Build) -> None:
    days: list[list[object]] = [[float(value) for value in range(100)] for _ in range(19)]
    days.append([-500.0 - value for value in range(20)] + [float(value) for value in range(80)])
    whole, parts = whole_and_days(profiles, Kind.NUMERIC, days)
    shares = np.array([0.2] + [0.0] * 19)
    assert quality_threshold(OutOfRangeShare(), whole, parts) == pytest.approx(
        shares.mean() + 4 * shares.std(), rel=0.05
    )


def test_categories_of_one_day_only_are_what_new_ones_are_measured_against(profiles: Build) -> None:
    days: list[list[object]] = [["a", "b"] * 50 for _ in range(19)] + [["a"] * 60 + ["c"] * 40]
    whole, parts = whole_and_days(profiles, Kind.CATEGORICAL, days)
    shares = np.array([0.4] + [0.0] * 19)
    assert quality_threshold(UnseenShare(), whole, parts) == pytest.approx(shares.mean() + 4 * shares.std())


@pytest.mark.parametrize(
    "days", [[[1.0], [2.0, 5.0]], [[1.0, 9.0], [1.0, 4.0], [2.0, 9.0]], [[3.0], [None], [1.0, 7.0], []]]
)
def test_all_but_one_are_what_they_are_by_hand(profiles: Build, days: list[list[object]]) -> None:
    """Also where several share an extreme, and where some have no value at all."""
    _, parts = whole_and_days(profiles, Kind.NUMERIC, days)
    for place, rest in enumerate(others(parts)):
        left = parts[:place] + parts[place + 1 :]
        assert rest.counts.tolist() == sum(part.counts for part in left).tolist()
        assert rest.minimum == min(part.minimum for part in left)
        assert rest.maximum == max(part.maximum for part in left)
