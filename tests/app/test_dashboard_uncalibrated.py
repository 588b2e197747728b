"""A detector that holds no dial says so wherever it speaks: on the model's page, and below a column's evidence."""

from datetime import UTC, datetime, timedelta

from app.data.judged import stood
from app.data.movement import uncalibrated
from monitor.types import Measurement, Window

START = datetime(2026, 5, 1, tzinfo=UTC)


def evidence(day: int, calibrated: bool, version: str = "1") -> Measurement:
    window = Window(START + timedelta(days=day), START + timedelta(days=day + 1))
    return Measurement(
        model="m",
        version=version,
        metric="detection.evidence",
        feature="x",
        window=window,
        value=0.2,
        threshold=1.0,
        rows=500,
        details={"calibrated": calibrated},
    )


def test_the_newest_window_decides() -> None:
    assert not uncalibrated([])
    assert uncalibrated([evidence(0, True), evidence(1, False)])
    assert not uncalibrated([evidence(0, False), evidence(1, True)]), "a re-baselined column has its thirty windows"
    assert uncalibrated([evidence(1, True), evidence(1, False, "2")])


def test_below_a_column_it_is_told_of_each_version() -> None:
    told = stood([evidence(0, True), evidence(0, False, "2")])
    assert [each.endswith("; uncalibrated") for each in told] == [False, True]
