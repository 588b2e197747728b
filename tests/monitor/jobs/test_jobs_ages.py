"""How fast labels come is noted as it happens, and what nobody watched has no age."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.jobs.ages import curve, noted
from monitor.types import Measurement, Window

START = datetime(2024, 3, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1))


def coverage(value, details, rows=100):
    return Measurement(
        model="m",
        version="1",
        metric="performance.label_coverage",
        window=WINDOW,
        value=value,
        rows=rows,
        details=details,
    )


def watch(looks):
    """Look at a window so many hours after its end, each time with another coverage."""
    before = None
    for hours, value in looks:
        before = coverage(value, noted(before, WINDOW, WINDOW.end + timedelta(hours=hours)))
    return before


def test_an_age_holds_what_was_there_when_it_passed():
    last = watch([(0, 0.0), (0.5, 0.2), (3, 0.5), (30, 0.9)])
    assert {name: last.details[name] for name in last.details if name.startswith("after")} == {
        "after_1h": 0.2,
        "after_6h": 0.5,
        "after_1d": 0.5,
    }
    found = curve([last], WINDOW.end + timedelta(days=8))
    assert found == {"1h": 0.2, "6h": 0.5, "1d": 0.5, "2d": 0.9, "7d": 0.9}


def test_looking_again_changes_nothing_that_was_noted():
    once = watch([(0, 0.0), (2, 0.3)])
    again = coverage(0.3, noted(once, WINDOW, WINDOW.end + timedelta(hours=2)))
    assert again.details == once.details


def test_an_import_tells_no_age_that_nobody_watched():
    late = watch([(50, 0.8), (200, 0.9)])
    assert curve([late], WINDOW.end + timedelta(days=9)) == {"7d": 0.8}


def test_windows_count_by_their_predictions_and_only_once_they_are_old_enough():
    few, many = watch([(0, 0.0), (2, 0.2)]), watch([(0, 1.0)])
    found = curve([few, coverage(1.0, many.details, rows=300)], WINDOW.end + timedelta(hours=2))
    assert found == {"1h": pytest.approx(0.75)}
