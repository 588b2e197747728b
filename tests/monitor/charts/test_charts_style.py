"""What is drawn can be read: contrast, safety of captured text, and one shared frame."""

import itertools

import plotly.graph_objects as go
import pytest

from monitor.charts.style import DARK, LIGHT, Palette, frame, note, plain


def luminance(colour: str) -> float:
    """Relative luminance of a #RRGGBB colour (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.1)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_and_line_colour_has_a_contrast_of_at_least_4_5(colours: Palette) -> None:
    used = [colours.text, colours.muted, colours.current, colours.reference, colours.estimated]
    used += [colours.good, colours.warning, colours.critical, *colours.versions]
    assert {c: round(contrast(c, colours.page), 2) for c in used if contrast(c, colours.page) < 4.5} == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_version_colours_are_distinct(colours: Palette) -> None:
    assert len(set(colours.versions)) == len(colours.versions) == 5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_heat_is_neutral_below_the_threshold_and_grows_beyond_it(colours: Palette) -> None:
    ratios = [ratio for ratio, _ in colours.heat]
    assert ratios == sorted(ratios)
    assert [colour for ratio, colour in colours.heat if ratio <= 1][:-1] == [colours.heat[0][1]] * 2
    away = [contrast(colour, colours.page) for ratio, colour in colours.heat if ratio >= 1]
    assert all(a < b for a, b in itertools.pairwise(away))


@pytest.mark.parametrize("text", ["<b>x</b>", "<a href='http://evil'>x</a>", "&lt;", "a<br>b", "x" * 500])
def test_captured_text_cannot_be_markup_and_is_bounded(text: str) -> None:
    shown = plain(text)
    assert "<" not in shown
    assert ">" not in shown
    assert len(plain("x" * 500)) == 60


def test_the_frame_takes_away_zoom_and_paints_no_background() -> None:
    figure = frame(go.Figure(go.Scatter(x=[1], y=[1])), LIGHT, height=100)
    assert figure.layout.dragmode is False
    assert figure.layout.xaxis.fixedrange
    assert figure.layout.yaxis.fixedrange
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_an_empty_figure_says_why() -> None:
    figure = note(go.Figure(), "Nothing here", DARK)
    assert figure.layout.annotations[0].text == "Nothing here"
    assert figure.layout.xaxis.visible is False
