"""Estimates are drawn dotted over their band, with gaps where windows are missing; scores against what came true."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.charts.lines import over_time
from monitor.charts.reliability import reliability_chart, wilson
from monitor.charts.style import LIGHT
from monitor.types import Measurement, Window

START = datetime(2024, 3, 1, tzinfo=UTC)


def point(day: int, value: float | None, metric: str = "estimation.auc") -> Measurement:
    window = Window(START + timedelta(days=day), START + timedelta(days=day + 1))
    interval = None if value is None else (value - 0.1, value + 0.1)
    details = {"doubt": "Not to be trusted: <b>so</b>"} if day == 4 else {}
    return Measurement(
        model="m", version="1", metric=metric, window=window, value=value, rows=500, interval=interval, details=details
    )


def test_a_band_lies_under_each_run_of_estimates_and_the_realised_line_over_them() -> None:
    foreseen = [point(0, 0.7), point(1, 0.72), point(2, None), point(4, 0.6)]
    realised = [point(0, 0.69, "performance.auc"), point(1, 0.75, "performance.auc")]
    figure = over_time({"Version 1": realised}, LIGHT, title="AUC", estimated={"Version 1": foreseen})
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    dotted = [trace for trace in figure.data if trace.line.dash == "dot"]
    assert list(bands[0].y) == pytest.approx([0.8, 0.82, 0.62, 0.6])
    assert [list(line.y) for line in dotted] == [[0.7, 0.72], [0.6]]
    assert figure.data[-1].name == "Version 1"
    assert [trace.name for trace in figure.data if trace.showlegend] == [
        "90 % of realised values",
        "Estimated from scores",
    ]
    low, high = figure.layout.yaxis.range
    assert low <= 0.5
    assert high >= 0.82
    assert "Not to be trusted" in dotted[1].customdata[0]


def test_a_band_that_says_nothing_is_not_drawn_and_the_axis_stays_readable() -> None:
    vague = replace(point(2, 0.5), interval=(0.0, 250.0), details={"vague": True, "doubt": "Not to be trusted: so"})
    figure = over_time({}, LIGHT, title="Error", estimated={"Version 1": [point(0, 0.7), point(1, 0.7), vague]})
    [band] = [trace for trace in figure.data if trace.fill == "toself"]
    assert max(band.y) == pytest.approx(0.8)
    assert figure.layout.yaxis.range[1] < 1
    [line] = [trace for trace in figure.data if trace.line.dash == "dot"]
    assert line.y[2] == 0.5
    assert "250" not in line.customdata[2]
    assert "Not to be trusted" in line.customdata[2]


def test_estimates_alone_are_drawn_before_any_label() -> None:
    figure = over_time({}, LIGHT, title="AUC", estimated={"Version 1": [point(0, 0.7), point(1, 0.7)]})
    assert [list(trace.y) for trace in figure.data if trace.line.dash == "dot"] == [[0.7, 0.7]]
    assert not figure.layout.annotations


def test_a_reliability_curve_shows_what_came_true_with_its_interval() -> None:
    figure = reliability_chart([100, 40], [0.2, 0.8], [0.25, 0.7], LIGHT)
    diagonal, curve = figure.data
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]
    assert list(curve.y) == [0.25, 0.7]
    assert curve.y[0] - curve.error_y.arrayminus[0] == pytest.approx(wilson(25, 100)[0])
    assert reliability_chart([], [], [], LIGHT).layout.annotations[0].text.startswith("No labelled")
    assert wilson(0, 0) == (0.0, 1.0)
