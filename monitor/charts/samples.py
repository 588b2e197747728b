"""Figures as they were told from moment to moment: a line a series, with a gap where nobody told."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.lines import SERIES
from monitor.charts.style import Palette, frame, note, plain

Points = Sequence[tuple[datetime, float]]


def sampled(
    series: Mapping[str, Points], colours: Palette, *, title: str, unit: str, gap: timedelta, height: int = 200
) -> go.Figure:
    """Draw figures over time.

    Args:
        series: name → moments and values, in order of time; at most five are drawn.
        colours: of the page.
        title: of the value axis.
        unit: as `fmt.with_unit` reads it.
        gap: moments farther apart are not joined.
        height: in pixels.
    """
    figure = go.Figure()
    shown = [(name, points) for name, points in series.items() if points][:SERIES]
    for (name, points), colour in zip(shown, colours.versions, strict=False):
        times, values = _with_gaps(points, gap)
        figure.add_trace(
            go.Scatter(
                x=times,
                y=values,
                mode="lines+markers" if len(points) < 40 else "lines",
                name=plain(name),
                line={"color": colour, "width": 2},
                marker={"size": 4},
                connectgaps=False,
                customdata=["" if value is None else fmt.with_unit(value, unit) for value in values],
                hovertemplate=f"{plain(name)}<br><b>%{{customdata}}</b><br>%{{x|%-d %b %H:%M:%S}} UTC<extra></extra>",
            )
        )
    frame(figure, colours, height=height, legend=len(shown) > 1)
    if not shown:
        return note(figure, "Nothing was told in this window", colours)
    moments = [moment for _, points in shown for moment, _ in points]
    days = (max(moments) - min(moments)).total_seconds() / 86_400
    ticks = "%H:%M" if days < 0.5 else "%-d %b %H:%M" if days < 3 else "%-d %b"
    figure.update_xaxes(type="date", tickformat=ticks, nticks=5, tickangle=0)
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=5)
    if unit == "share":
        figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return figure


def _with_gaps(points: Points, gap: timedelta) -> tuple[list[datetime], list[float | None]]:
    """Return times and values with an empty one between moments that are farther apart than ``gap``."""
    times: list[datetime] = []
    values: list[float | None] = []
    for moment, value in points:
        if times and moment - times[-1] > gap:
            times.append(times[-1] + (moment - times[-1]) / 2)
            values.append(None)
        times.append(moment)
        values.append(value)
    return times, values
