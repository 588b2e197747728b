"""Figures of a report are drawn once, for light pages; those for dark ones are what would be drawn for them."""

from collections.abc import Callable
from pathlib import Path

import plotly.graph_objects as go
import pytest
from wg_world import World, bend

from monitor.charts.style import DARK, Palette
from monitor.reports import write_report
from monitor.reports.page import Page, _plain


def test_dark_figures_are_what_is_drawn_in_dark_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and bands of accuracy, volumes, histograms and bars of categories: every figure of a report."""
    world = World(data_dir=tmp_path)
    for day in range(4):
        batch = world.day(day, **({"visib": bend(lambda values: values * 1.6)} if day == 3 else {}))  # type: ignore[arg-type]
        world.label(batch, share=0.5 if day == 2 else 1.0)
    world.clock.advance(world.window(8).start)
    world.scheduler().tick()
    drawn, real = [], Page.figure

    def both(page: Page, draw: Callable[[Palette], go.Figure], describe: str) -> object:
        place = real(page, draw, describe)
        drawn.append((page._figures[-1]["dark"], _plain(draw(DARK))))
        return place

    monkeypatch.setattr(Page, "figure", both)
    write_report(world.context, world.model, world.window(0, 7), tmp_path, evidently=False)
    assert len(drawn) > 4
    for found, wanted in drawn:
        assert found == wanted
