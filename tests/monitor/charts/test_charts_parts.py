"""Words, segments and steps drawn where they are: nothing captured is obeyed, nothing is moved."""

import re

import numpy as np
import pytest

from monitor.charts.parts import overlay, strip, words
from monitor.charts.style import DARK, LIGHT
from monitor.types import Part

HOSTILE = ["<script>alert(1)</script>", '"onmouseover="x', "<img src=x onerror=alert(1)>", "&lt;b&gt;", "a&b"]


def word(text, start, amount, error=None):
    return Part(feature="t", label=text, place=(start, start + len(text)), amount=amount, error=error)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_hostile_words_are_shown_and_not_obeyed(colours):
    text = " ".join(HOSTILE)
    places = [text.index(each) for each in HOSTILE]
    html = words(text, [word(each, at, 0.5) for each, at in zip(HOSTILE, places, strict=True)], colours)
    assert set(re.findall(r"<(/?\w+)", html)) == {"p", "/p", "span", "/span", "sub", "/sub"}
    assert "onmouseover=" not in re.sub(r">[^<]*<", "><", html), "only as text"
    shown = re.sub(r"<sub.*?</sub>|<[^>]+>", "", html)
    assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&") == text


def test_words_that_add_are_blue_and_the_strongest_has_the_strongest_colour():
    html = words("good so bad", [word("good", 0, 0.4, 0.01), word("so", 5, 0.0), word("bad", 8, -0.2)], LIGHT)
    assert re.findall(r"rgba\((\d+),\d+,\d+,([\d.]+)\)", html) == [("47", "0.55"), ("47", "0.00"), ("194", "0.28")]
    assert 'title="+0.400 ± 0.0196"' in html, "in 95 of 100 runs"
    in_points = words("good", [word("good", 0, 0.4, 0.01)], LIGHT, "share")
    assert 'title="+40.0 pp ± 2.0 pp"' in in_points
    assert 'dir="auto"' in in_points, "texts of either direction"
    assert html.count("<sub") == 2, "words that add nothing have no number"


def test_segments_lie_over_the_pixels_they_are():
    parts = [
        Part(feature="i", label="segment 1", place=(0, 2, 3, 1), amount=0.5),
        Part(feature="i", label="segment 2", place=(5, 1), amount=-0.25),
    ]
    figure = overlay(np.zeros((2, 3), np.uint8), (2, 3), parts, LIGHT)
    assert figure.data[1].z.tolist() == [[0.5, 0.5, 0.0], [0.5, 0.0, -0.25]]
    assert (figure.data[1].zmin, figure.data[1].zmax) == (-0.5, 0.5)
    assert overlay("data:image/png;base64,AAAA", (2, 3), parts, DARK).data[0].source.startswith("data:image/png")


def test_stretches_of_unequal_length_are_as_long_as_they_are():
    parts = [
        Part(feature="s", label="<b>steps 1–2", place=(0, 2, 0), amount=1.0),
        Part(feature="s", label="step 3", place=(2, 3, 0), amount=2.0),
        Part(feature="s", label="steps 1–3", place=(0, 3, 1), amount=-3.0),
    ]
    heat = strip(parts, LIGHT, ["heat"]).data[0]
    assert list(heat.x) == [0.5, 2.5, 3.5]
    assert heat.z.tolist() == [[1.0, 2.0], [-3.0, -3.0]]
    assert heat.customdata[0][0] == "&lt;b&gt;steps 1–2"
    assert list(strip(parts, LIGHT, ["heat"]).layout.yaxis.ticktext) == ["heat", "channel 2"]
