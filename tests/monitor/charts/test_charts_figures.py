"""Figures say what their data says: gaps stay gaps, no data is not calm, sums add up."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.charts.attribution import Share, bars, ranked, waterfall
from monitor.charts.distribution import (
    Histogram,
    categories,
    display_edges,
    numeric,
    position,
    quantile,
    rebin,
)
from monitor.charts.heatmap import CLICKABLE, Cell, heatmap
from monitor.charts.lines import SERIES, Bars, over_time, volume
from monitor.charts.style import LIGHT
from monitor.types import Measurement, Status, Window

DAY = timedelta(days=1)
START = datetime(2024, 5, 1, tzinfo=UTC)


def measured(day: int, value: float | None, status: Status = Status.OK) -> Measurement:
    window = Window(START + day * DAY, START + (day + 1) * DAY)
    return Measurement(
        model="m", version="1", metric="performance.auc", window=window, value=value, rows=900, status=status
    )


def daily(days: int, rows: float = 100.0, labelled: float | None = None) -> Bars:
    starts = [START + day * DAY for day in range(days)]
    return Bars(
        starts, [start + DAY for start in starts], [rows] * days, None if labelled is None else [labelled] * days
    )


def test_a_missing_day_and_one_without_enough_data_are_gaps() -> None:
    points = [measured(0, 0.8), measured(1, 0.7, Status.INSUFFICIENT), measured(4, 0.75)]
    line = over_time({"Version 1": points}, LIGHT, title="AUC").data[0]
    assert line.y == (0.8, None, None, 0.75)
    assert line.connectgaps is False
    assert line.line.shape == "linear"


def test_the_threshold_is_in_view_and_the_bad_side_carries_diamonds() -> None:
    points = [measured(0, 0.8), measured(1, 0.6)]
    figure = over_time({"a": points}, LIGHT, title="AUC", threshold=0.7, higher_is_better=True)
    diamonds = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
    assert [trace.y for trace in diamonds] == [(0.6,)]
    low, high = over_time({"a": points}, LIGHT, title="AUC", threshold=0.2).layout.yaxis.range
    assert low <= 0.2 <= high


def test_at_most_five_series_and_escaped_names() -> None:
    figure = over_time({f"<b>{n}": [measured(0, 0.5)] for n in range(9)}, LIGHT, title="AUC")
    assert len(figure.data) == SERIES
    assert "<b>" not in figure.data[0].name


def test_labelled_rows_lie_over_all_rows_and_bars_start_at_zero() -> None:
    figure = over_time({"a": [measured(0, 0.5)]}, LIGHT, title="AUC", bars=daily(3, 100.0, 80.0))
    heights = [list(trace.y) for trace in figure.data if trace.type == "bar"]
    assert heights == [[100.0] * 3, [80.0] * 3]
    assert figure.layout.yaxis2.rangemode == "tozero"
    assert figure.layout.barmode == "overlay"


def test_nothing_measured_says_so_instead_of_drawing_an_empty_frame() -> None:
    assert over_time({}, LIGHT, title="AUC").layout.annotations[0].text == "Not enough data in this window"
    assert volume(daily(3, 0.0), LIGHT).layout.annotations[0].text == "No traffic in this window"
    assert heatmap([], LIGHT).layout.annotations[0].text.startswith("No drift")


def cells(features: int, days: int, ratio: float | None = 0.2) -> list[Cell]:
    return [
        Cell(f"f{f}", f"Feature {f}", START + d * DAY, START + (d + 1) * DAY, ratio, "told")
        for f in range(features)
        for d in range(days)
    ]


def test_no_data_is_hatched_and_has_no_colour() -> None:
    given = [*cells(1, 3), Cell("g", "Gone", START, START + DAY, None, "no data")]
    figure = heatmap(given, LIGHT)
    heat, hatch, *_ = figure.data
    assert list(heat.z[1]) == [None, None, None]  # the two days without any cell are no data either
    assert len(hatch.x) == 3
    assert hatch.marker.symbol == "line-ne-open"


def test_the_worst_feature_is_on_top_and_breaches_carry_a_diamond() -> None:
    given = [*cells(2, 2), Cell("bad", "Bad", START, START + DAY, 5.0, "x")]
    figure = heatmap(given, LIGHT)
    assert figure.layout.yaxis.ticktext[0] == "Bad"
    assert [len(t.x) for t in figure.data[1:] if t.marker.symbol == "diamond"] == [1]


def test_every_cell_can_be_clicked_until_there_are_too_many() -> None:
    targets = heatmap(cells(3, 4), LIGHT).data[-1]
    assert len(targets.x) == 12
    assert targets.customdata[0] == ["f0", START.isoformat(), (START + DAY).isoformat()]
    many = cells(40, CLICKABLE // 40 + 1)
    many[0] = Cell("f0", "Feature 0", many[0].start, many[0].end, 2.0, "told")
    assert len(heatmap(many, LIGHT).data[-1].x) == 1


histograms = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0.01, 100), min_size=n, max_size=n).map(lambda steps: np.cumsum([0.0, *steps])),
        st.lists(st.integers(0, 1000), min_size=n, max_size=n).map(lambda c: np.array(c, dtype=float)),
    )
)


@given(histograms, st.integers(1, 60))
def test_rebinning_over_the_whole_range_loses_no_row(parts, bins: int) -> None:
    edges, counts = parts
    spread = rebin(Histogram(edges, counts), np.linspace(edges[0], edges[-1], bins + 1))
    assert spread.sum() == pytest.approx(counts.sum())
    assert (spread >= -1e-9).all()


@given(histograms, st.floats(0.01, 0.99))
def test_position_undoes_quantile(parts, share: float) -> None:
    edges, counts = parts
    histogram = Histogram(edges, counts + 1)
    assert position(histogram, quantile(histogram, share)) == pytest.approx(share, abs=1e-6)


def test_position_is_0_below_and_1_above_everything_seen() -> None:
    histogram = Histogram(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0]))
    assert (position(histogram, -5), position(histogram, 9)) == (0.0, 1.0)
    assert np.isnan(position(histogram, float("nan")))


def test_whole_numbers_get_one_bar_each() -> None:
    histogram = Histogram(np.arange(-0.5, 24.5), np.ones(24))
    assert np.diff(display_edges(None, histogram, whole=True)).tolist() == [1.0] * 24


def test_the_area_outside_the_range_is_its_share() -> None:
    edges = np.linspace(0, 100, 41)
    inside = Histogram(edges, np.ones(40) * 10)
    shifted = Histogram(edges, np.ones(40) * 5, above=200.0, minimum=0.0, maximum=120.0)
    figure = numeric(inside, shifted, LIGHT, unit="mi")
    outside = next(trace for trace in figure.data if trace.name.startswith("Outside"))
    window = next(trace for trace in figure.data if trace.name == "This window")
    step = window.width[0] / 0.94
    assert outside.y[0] * outside.width[0] / step == pytest.approx(0.5)
    assert sum(window.y) == pytest.approx(0.5, abs=0.02)
    assert "120 mi" in outside.customdata[0]


def test_categories_are_shares_the_rest_is_gathered_and_names_are_escaped() -> None:
    current = {"<i>x</i>": 50.0, **{f"c{n}": 1.0 for n in range(50)}}
    figure = categories(None, current, LIGHT)
    assert figure.data[0].y[-1] == "&lt;i&gt;x&lt;/i&gt;"
    assert figure.data[0].y[0] == "39 others"
    assert sum(figure.data[0].x) == pytest.approx(1.0)


def test_two_distributions_share_one_axis() -> None:
    figure = numeric(*[Histogram(np.linspace(0, 1, 11), np.ones(10))] * 2, LIGHT)
    assert {trace.yaxis for trace in figure.data} == {None}


SHARES = [Share(f"Feature {n}", "1 km", amount, 0.01) for n, amount in enumerate([0.2, -0.1, 0.05, -0.03, 0.02])]


def test_the_waterfall_walks_from_base_to_output() -> None:
    figure = waterfall(SHARES, LIGHT, base=0.22, output=0.36, output_name="Probability of late", unit="share", top=3)
    steps = figure.data[0]
    assert steps.measure == ("absolute", "relative", "relative", "relative", "relative", "total")
    assert sum(steps.x[:-1]) == pytest.approx(steps.x[-1])
    assert figure.data[-1].text[0].strip() == "22.0 %"
    assert figure.data[-1].text[1].strip() == "+20.0 pp"
    assert figure.layout.yaxis.ticktext[1] == "Feature 0 = 1 km"


def test_the_rest_is_summed_and_a_rest_of_one_is_shown_itself() -> None:
    assert ranked(SHARES, 3)[-1].label == "2 other features"
    assert ranked(SHARES, 3)[-1].amount == pytest.approx(-0.01)
    assert len(ranked(SHARES, 4)) == 5


def test_bars_keep_signs_and_order_by_size() -> None:
    figure = bars(SHARES, LIGHT)
    assert [round(x, 2) for x in figure.data[0].x] == [0.2, -0.1, 0.05, -0.03, 0.02]
    assert len(set(figure.data[0].marker.color)) == 2


def test_hostile_names_cannot_be_markup_in_explanations() -> None:
    hostile = [Share("<a href='//x'>pay</a>", "<b>1</b>", 1.0)]
    for figure in (bars(hostile, LIGHT), waterfall(hostile, LIGHT, base=0, output=1, output_name="<i>")):
        assert "<a" not in figure.to_json().replace("\\u003c", "<").replace("&lt;a", "")
        assert "<b>1" not in figure.layout.yaxis.ticktext[-1]
