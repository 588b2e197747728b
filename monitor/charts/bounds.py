"""Thresholds on a line chart: dashed, named beside the plot, with a diamond on every point beyond its own."""

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.style import Palette


def diamonds(
    figure: go.Figure,
    times: Sequence[datetime],
    values: Sequence[float | None],
    limits: Sequence[float | None],
    higher_is_better: bool,
    colours: Palette,
) -> None:
    """Mark the points on the bad side of the threshold that held for them."""
    over = [
        (time, value)
        for time, value, limit in zip(times, values, limits, strict=True)
        if value is not None and limit is not None and (value < limit if higher_is_better else value > limit)
    ]
    if over:
        figure.add_trace(
            go.Scatter(
                x=[time for time, _ in over],
                y=[value for _, value in over],
                mode="markers",
                marker={"symbol": "diamond", "size": 10, "color": colours.critical},
                showlegend=False,
                hoverinfo="skip",
            ),
            row=1,
            col=1,
        )


def level(figure: go.Figure, threshold: float, unit: str, colours: Palette) -> None:
    """One threshold for all points: a dashed line across the plot."""
    figure.add_hline(y=threshold, line={"color": colours.warning, "width": 1.5, "dash": "dash"}, row=1, col=1)
    _name(figure, threshold, unit, colours)


def steps(
    figure: go.Figure,
    series: Sequence[tuple[Sequence[datetime], Sequence[float | None]]],
    unit: str,
    colours: Palette,
) -> None:
    """A threshold of its own for every point, which changes with the version: a dashed line along each series."""
    last: tuple[datetime, float] | None = None
    for times, limits in series:
        known = [(time, limit) for time, limit in zip(times, limits, strict=True) if limit is not None]
        if not known:
            continue
        last = known[-1] if last is None or known[-1][0] >= last[0] else last
        figure.add_trace(
            go.Scatter(
                x=[time for time, _ in known],
                y=[limit for _, limit in known],
                mode="lines",
                line={"color": colours.warning, "width": 1.5, "dash": "dash", "shape": "hvh"},
                showlegend=False,
                hoverinfo="skip",
            ),
            row=1,
            col=1,
        )
    if last is not None:
        _name(figure, last[1], unit, colours)


def _name(figure: go.Figure, threshold: float, unit: str, colours: Palette) -> None:
    """Write the threshold at the right of the plot, where no data is."""
    figure.add_annotation(
        x=1.005,
        xref="paper",
        y=threshold,
        yref="y",
        text=f"threshold<br>{fmt.with_unit(threshold, unit)}",
        showarrow=False,
        align="left",
        xanchor="left",
        yanchor="middle",
        font={"color": colours.warning, "size": 12},
    )
