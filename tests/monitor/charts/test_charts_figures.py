"""Figures say what their data says: gaps stay gaps, no data is not calm, sums add up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.charts.attribution import Share, bars, ranked, waterfall
from monitor.charts.dependence import dependence
from monitor.charts.heatmap import APART, CLICKABLE, Cell, heatmap
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
    figure = over_time({"a": points}, LIGHT, title="AUC", threshold=0.2)
    low, high = figure.layout.yaxis.range
    assert low <= 0.2 <= high
    named = next(note for note in figure.layout.annotations if note.text.startswith("threshold"))
    assert named.x > 1  # beside the plot, over no data
    assert figure.layout.margin.r > 60


def test_every_point_is_judged_by_its_own_threshold() -> None:
    """Two versions have two references, and so two thresholds."""
    one = [replace(measured(day, 0.5), threshold=0.4) for day in range(2)]
    two = [replace(measured(day, 0.5), threshold=0.9) for day in range(2, 4)]
    figure = over_time({"1": one, "2": two}, LIGHT, title="Distance", own_thresholds=True)
    diamonds = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
    assert [len(trace.x) for trace in diamonds] == [2]
    dashed = [list(trace.y) for trace in figure.data if trace.line.dash == "dash"]
    assert dashed == [[0.4, 0.4], [0.9, 0.9]]
    assert "0.900" in figure.layout.annotations[0].text
    assert figure.layout.yaxis.range[1] > 0.9


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


def test_the_answers_stand_apart_below_the_inputs() -> None:
    given = [*cells(2, 2), Cell("_score", "Probability", START, START + DAY, 9.0, "x", output=True)]
    figure = heatmap(given, LIGHT)
    assert figure.layout.yaxis.ticktext[-1] == "Probability"
    assert "The answers" in figure.layout.yaxis.ticktext[-2]
    assert list(figure.data[0].z[2]) == [None, None]
    assert all(y != 2 for trace in figure.data[1:] for y in trace.y)  # nothing is hatched or clicked there
    assert APART not in {custom[0] for custom in figure.data[-1].customdata}


def test_every_cell_can_be_clicked_until_there_are_too_many() -> None:
    targets = heatmap(cells(3, 4), LIGHT).data[-1]
    assert len(targets.x) == 12
    assert targets.customdata[0] == ["f0", START.isoformat(), (START + DAY).isoformat()]
    many = cells(40, CLICKABLE // 40 + 1)
    many[0] = Cell("f0", "Feature 0", many[0].start, many[0].end, 2.0, "told")
    assert len(heatmap(many, LIGHT).data[-1].x) == 1


SHARES = [
    Share(f"Feature {n}", "1 km", amount, (amount - 0.01, amount + 0.03))
    for n, amount in enumerate([0.2, -0.1, 0.05, -0.03, 0.02])
]


def test_the_waterfall_walks_from_base_to_output() -> None:
    figure = waterfall(SHARES, LIGHT, base=0.22, output=0.36, output_name="Probability of late", unit="share", top=3)
    steps = figure.data[0]
    assert steps.measure == ("absolute", "relative", "relative", "relative", "relative", "total")
    assert sum(steps.x[:-1]) == pytest.approx(steps.x[-1])
    assert figure.data[-1].text[0].strip() == "22.0 %"
    assert figure.data[-1].text[1].strip() == "+20.0 pp"
    assert figure.layout.yaxis.ticktext[1] == "Feature 0 = 1 km"


def test_the_waterfalls_bars_begin_at_zero_unless_its_steps_would_be_too_small_to_be_seen() -> None:
    seen = waterfall(SHARES, LIGHT, base=0.22, output=0.36, output_name="p", unit="share")
    assert seen.layout.xaxis.range[0] <= 0
    tiny = [Share("a", "", 0.002), Share("b", "", -0.001)]
    assert waterfall(tiny, LIGHT, base=0.97, output=0.971, output_name="p", unit="share").layout.xaxis.range[0] > 0.9


def test_the_rest_is_summed_and_a_rest_of_one_is_shown_itself() -> None:
    assert ranked(SHARES, 3)[-1].label == "2 others together"
    assert ranked(SHARES, 3)[-1].amount == pytest.approx(-0.01)
    assert len(ranked(SHARES, 4)) == 5


def test_the_axis_holds_every_bar_interval_and_number_and_intervals_need_not_be_even() -> None:
    wide = [Share("a", "", 1.0, (0.5, 9.0)), Share("b", "", -1.0, (-4.0, -0.5))]
    for figure in (bars(wide, LIGHT), waterfall(wide, LIGHT, base=0, output=0, output_name="x")):
        low, high = figure.layout.xaxis.range
        assert low < -4.0
        assert high > 9.0
        intervals = figure.data[1].error_x
        assert max(intervals.array) == 8.0
        assert max(intervals.arrayminus) == 3.0


def test_sizes_have_no_sign_no_rest_and_no_empty_side() -> None:
    figure = bars([Share(f"{n}", "", float(n)) for n in range(1, 30)], LIGHT, unit="$", sizes=True, top=5)
    assert [text.strip() for text in figure.data[-1].text] == ["29.0 $", "28.0 $", "27.0 $", "26.0 $", "25.0 $"]
    assert figure.layout.xaxis.range[0] > -0.05 * 29
    assert figure.layout.xaxis.title.text.endswith("($)")


def test_a_long_name_is_cut_before_its_value_and_the_hover_has_more_of_it() -> None:
    label = "Region of the customer's main place of residence"
    figure = bars([Share(label, "missing", 0.1)], LIGHT, unit="share")
    assert figure.layout.yaxis.ticktext[0].endswith("… = missing")
    assert len(figure.layout.yaxis.ticktext[0]) <= 40
    assert figure.data[0].customdata[0].startswith(f"{label} = missing")
    assert figure.data[0].customdata[0].endswith("<b>+10.0 pp</b>")


def test_numbers_are_drawn_against_what_they_contributed_and_rows_without_one_are_left_out() -> None:
    figure = dependence([(3, 0.1), (None, 0.5), (1.5, -0.2)], LIGHT, label="Delay", value_unit="min", unit="share")
    assert list(figure.data[0].x) == [3.0, 1.5]
    assert figure.layout.xaxis.title.text == "Delay (min)"
    assert figure.layout.yaxis.title.text == "Contribution, in points"


def test_categories_have_a_line_each_by_their_mean_and_rare_ones_share_the_last() -> None:
    given = [(f"<b>{n}</b>", n / 10) for n in range(20) for _ in range(20 - n)] + [(None, 9.0)] * 30 + [(True, -9.0)]
    figure = dependence(given, LIGHT, label="<i>")
    names = list(figure.layout.yaxis.ticktext)
    assert names[0] == "missing"
    assert names[-1] == "all others"
    assert len(names) == 13
    assert not any("<b>" in name for name in names)
    assert len(figure.data[0].x) == len(given), "every row is drawn"
    assert dependence([], LIGHT, label="x").layout.annotations[0].text == "No row to show."


def test_bars_keep_signs_and_order_by_size() -> None:
    figure = bars(SHARES, LIGHT)
    assert [round(x, 2) for x in figure.data[0].x] == [0.2, -0.1, 0.05, -0.03, 0.02]
    assert len(set(figure.data[0].marker.color)) == 2


def test_hostile_names_cannot_be_markup_in_explanations() -> None:
    hostile = [Share("<a href='//x'>pay</a>", "<b>1</b>", 1.0)]
    for figure in (bars(hostile, LIGHT), waterfall(hostile, LIGHT, base=0, output=1, output_name="<i>")):
        assert "<a" not in figure.to_json().replace("\\u003c", "<").replace("&lt;a", "")
        assert "<b>1" not in figure.layout.yaxis.ticktext[-1]
