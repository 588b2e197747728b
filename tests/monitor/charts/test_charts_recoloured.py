"""A figure takes on the colours of another page; what only reads like a colour stays."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.charts.lines import over_time
from monitor.charts.recoloured import counterparts, recoloured
from monitor.charts.style import DARK, LIGHT
from monitor.types import Measurement, Window


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


def test_lines_with_their_bands_are_what_is_drawn_in_the_other_colours() -> None:
    first, day = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=1)
    points = [
        Measurement(
            model="m",
            version="1",
            metric="performance.auc",
            window=Window(first + at * day, first + (at + 1) * day),
            value=0.8 + at / 100,
            rows=500,
            threshold=0.7,
            interval=(0.7, 0.9),
        )
        for at in range(4)
    ]
    light, dark = (
        over_time({"1": points[:3], "2": points}, colours, title="AUC", estimated={"1": points}).to_plotly_json()
        for colours in (LIGHT, DARK)
    )
    found, wanted = (json.loads(json.dumps(each, default=str)) for each in (light, dark))
    assert "rgba(122,90,248" in json.dumps(found)
    assert recoloured(found, LIGHT, DARK) == wanted
