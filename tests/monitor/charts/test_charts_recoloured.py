"""A figure takes on the colours of another page; what only reads like a colour stays."""

from dataclasses import replace

import pytest

from monitor.charts.recoloured import counterparts, recoloured
from monitor.charts.style import DARK, LIGHT


def test_there_and_back_is_the_same_figure() -> None:
    figure = {
        "data": [{"marker": {"color": [LIGHT.current, LIGHT.critical, "rgba(0,0,0,0)"]}, "x": [1, None, 2.5]}],
        "layout": {"colorway": list(LIGHT.versions), "plot_bgcolor": LIGHT.page, "xaxis": {"gridcolor": LIGHT.grid}},
    }
    dark = recoloured(figure, LIGHT, DARK)
    assert dark["data"][0]["marker"]["color"] == [DARK.current, DARK.critical, "rgba(0,0,0,0)"]
    assert dark["layout"]["colorway"] == list(DARK.versions)
    assert dark["data"][0]["x"] == [1, None, 2.5]
    back = replace(DARK, heat=())
    assert recoloured(dark, back, replace(LIGHT, heat=())) == figure


def test_a_category_that_reads_like_a_colour_keeps_its_name() -> None:
    figure = {"data": [{"y": [LIGHT.text], "hovertext": LIGHT.text, "textfont": {"color": LIGHT.text}}]}
    (bar,) = recoloured(figure, LIGHT, DARK)["data"]
    assert (bar["y"], bar["hovertext"], bar["textfont"]["color"]) == ([LIGHT.text], LIGHT.text, DARK.text)


def test_a_colour_through_which_the_page_shines_shines_as_much() -> None:
    red, green, blue = (int(LIGHT.estimated[at : at + 2], 16) for at in (1, 3, 5))
    found = recoloured({"fillcolor": f"rgba({red},{green},{blue},0.18)"}, LIGHT, DARK)
    assert found == {"fillcolor": "rgba(164,138,251,0.18)"}
    assert recoloured({"fillcolor": "rgba(1,2,3,0.5)"}, LIGHT, DARK) == {"fillcolor": "rgba(1,2,3,0.5)"}


def test_a_colour_of_two_parts_that_part_in_the_other_palette_is_refused() -> None:
    with pytest.raises(ValueError, match="a colour of its own"):
        counterparts(replace(LIGHT, warning=LIGHT.text), DARK)
