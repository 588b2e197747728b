"""Distributions leave no row out, keep the bulk in view, and know what is ordinary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.charts.categories import OTHER, UNSEEN, categories
from monitor.charts.distribution import display_edges, numeric, ticks
from monitor.charts.histogram import Histogram, atoms, beyond, midrank, own_share, quantile, rebin, usual
from monitor.charts.style import LIGHT
from monitor.profile.edges import reference_edges

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


@given(histograms, st.floats(0, 100), st.floats(0, 100))
def test_rebinning_and_what_is_beyond_add_up(parts, one: float, other: float) -> None:
    edges, counts = parts
    low, high = min(one, other), max(one, other) + 0.5
    histogram = Histogram(edges, counts)
    under, over = beyond(histogram, low, high)
    assert under + rebin(histogram, np.linspace(low, high, 8)).sum() + over == pytest.approx(counts.sum())


@given(histograms, st.floats(0.01, 0.99))
def test_a_midrank_is_within_half_its_own_bin_of_the_quantile(parts, share: float) -> None:
    edges, counts = parts
    histogram = Histogram(edges, counts + 1)
    value = quantile(histogram, share)
    assert abs(midrank(histogram, value) - share) <= own_share(histogram, value) / 2 + 1e-6


@given(histograms, st.floats(0, 0.999))
def test_a_value_in_the_usual_range_is_never_in_the_outer_tails(parts, where: float) -> None:
    """The upper end itself is left out: where it is a cut, it belongs to the next bin."""
    edges, counts = parts
    histogram = Histogram(edges, counts + 1)
    low, high = usual(histogram)
    rank = midrank(histogram, low + where * (high - low))
    assert 0.025 - 1e-9 <= rank <= 0.975 + 1e-9


def test_midrank_is_0_below_and_1_above_everything_seen() -> None:
    histogram = Histogram(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0]))
    assert (midrank(histogram, -5), midrank(histogram, 9)) == (0.0, 1.0)
    assert own_share(histogram, 9) == 0
    assert np.isnan(midrank(histogram, float("nan")))


def test_an_atom_at_the_end_of_its_range_is_ordinary_and_enclosed() -> None:
    """Most days are dry, and can be seen over: 0 in of rain, 10 mi of sight."""
    rain = Histogram(reference_edges(np.array([0.0, 0.01, 0.02, 0.08, 0.22])), np.array([90.0, 3, 3, 3, 1]))
    sight = Histogram(reference_edges(np.array([0.25, 4.0, 9.0, 10.0])), np.array([2.0, 4, 4, 90]))
    assert midrank(rain, 0.0) == pytest.approx(0.45)
    assert midrank(sight, 10.0) == pytest.approx(0.55)
    assert usual(rain) == (0.0, 0.02)
    assert usual(sight) == (4.0, 10.0)


@given(st.sets(st.integers(-1000, 1000), min_size=2, max_size=100))
def test_few_distinct_values_are_read_back_from_their_edges(values: set[int]) -> None:
    found = atoms(reference_edges(np.array(sorted(values), dtype=float)))
    assert found == pytest.approx(sorted(values), abs=2e-3)


def test_bins_of_many_values_are_not_taken_for_atoms() -> None:
    assert atoms(reference_edges(np.random.default_rng(0).normal(size=5000))) is None
    assert atoms(np.linspace(0, 1, 1001)) is None


def test_whole_numbers_get_one_bar_each() -> None:
    histogram = Histogram(np.arange(-0.5, 24.5), np.ones(24))
    assert np.diff(display_edges(None, histogram, whole=True)).tolist() == [1.0] * 24
    assert all(mark == round(mark) for mark in ticks(4.5, 23.5, whole=True))


def test_what_is_outside_the_range_is_one_bar_apart_that_does_not_stretch_the_axis() -> None:
    edges = np.linspace(0, 100, 41)
    inside = Histogram(edges, np.ones(40) * 10, minimum=0.0, maximum=100.0)
    shifted = Histogram(edges, np.ones(40) * 5, below=40.0, above=160.0, minimum=-9e6, maximum=1990.0)
    figure = numeric(inside, shifted, LIGHT, unit="mi")
    outside = [trace for trace in figure.data if trace.name == "Outside the reference"]
    window = next(trace for trace in figure.data if trace.name == "This window")
    assert len(outside) == 1  # one entry of the legend, two bars
    assert list(outside[0].y) == pytest.approx([0.1, 0.4])
    assert sum(window.y) == pytest.approx(0.5)
    low, high = figure.layout.xaxis.range
    assert (low, high) == (pytest.approx(-10), pytest.approx(110))
    assert all(0 <= mark <= 100 for mark in figure.layout.xaxis.tickvals)
    assert [note.text for note in figure.layout.annotations] == [
        "10.0 % below, to −9,000,000 mi",
        "40.0 % above, to 1,990 mi",
    ]
    assert "not to scale" in figure.layout.xaxis.title.text


def test_no_row_is_left_out_of_a_distribution_with_a_long_tail() -> None:
    values = np.random.default_rng(3).lognormal(0, 2, 20_000)
    edges = reference_edges(values)
    tail = Histogram(edges, np.histogram(values, edges)[0].astype(float), minimum=values.min(), maximum=values.max())
    figure = numeric(tail, tail, LIGHT)
    window = next(trace for trace in figure.data if trace.name == "This window")
    assert sum(window.y) == pytest.approx(1.0)
    inner = display_edges(tail, tail, whole=False)
    assert quantile(tail, 0.95) - quantile(tail, 0.05) >= (inner[-1] - inner[0]) / 3  # the bulk is not squashed
    assert not [trace for trace in figure.data if trace.name.startswith("Outside")]


def test_an_ordinary_column_has_no_end_bars() -> None:
    values = np.random.default_rng(3).normal(0, 1, 5000)
    edges = reference_edges(values)
    bell = Histogram(edges, np.histogram(values, edges)[0].astype(float), minimum=values.min(), maximum=values.max())
    figure = numeric(bell, bell, LIGHT, unit="m")
    assert figure.layout.xaxis.title.text == "m"
    assert len(figure.layout.annotations) == 0


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 9
    assert all(low - span * 1e-6 <= mark <= low + span * (1 + 1e-6) for mark in found)


def test_categories_are_shares_the_rest_is_gathered_and_names_are_escaped() -> None:
    current = {"<i>x</i>": 50.0, **{f"c{n}": 1.0 for n in range(50)}}
    figure = categories(None, current, LIGHT)
    assert figure.data[0].y[-1] == "&lt;i&gt;x&lt;/i&gt;"
    assert figure.data[0].y[0] == "39 others"
    assert sum(figure.data[0].x) == pytest.approx(1.0)


def test_rare_values_are_gathered_and_those_never_seen_are_shown() -> None:
    current = {OTHER: 30.0, UNSEEN: 1.0, **{f"c{n}": 1.0 for n in range(20)}}
    figure = categories({OTHER: 10.0, "c0": 90.0}, current, LIGHT, top=3)
    assert list(figure.data[0].y) == [UNSEEN, "all others", "c10", "c1", "c0"]
    assert sum(figure.data[0].x) == pytest.approx(1.0)


def test_few_distinct_values_have_a_bar_each() -> None:
    values = np.array([0.0, 0.01, 0.02, 0.08])
    edges = reference_edges(values)
    rain = Histogram(edges, np.array([90.0, 5, 3, 2]), minimum=0.0, maximum=0.08)
    assert display_edges(rain, rain, whole=False) == pytest.approx(edges[edges <= 0.04])
    figure = numeric(rain, rain, LIGHT, unit="in")
    assert figure.data[0].y[0] == pytest.approx(0.9)
    assert figure.layout.yaxis.title.text == "Share of rows by value"


def test_a_share_is_drawn_in_per_cent() -> None:
    score = Histogram(np.linspace(0, 1, 1001), np.ones(1000))
    figure = numeric(score, score, LIGHT, unit="share")
    assert "100%" in figure.layout.xaxis.ticktext
    assert figure.layout.xaxis.title.text == ""
    assert figure.layout.yaxis.title.text == "Share of rows per 2.5 pp"


def test_two_distributions_share_one_axis() -> None:
    figure = numeric(*[Histogram(np.linspace(0, 1, 11), np.ones(10))] * 2, LIGHT)
    assert {trace.yaxis for trace in figure.data} == {None}
