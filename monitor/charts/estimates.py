"""What is estimated before labels come: a dotted line, and the band that holds nine realised values in ten."""

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.style import Palette, plain
from monitor.types import Measurement, Status

FILL = 0.14


def estimates(
    figure: go.Figure, name: str, series: Sequence[Measurement], unit: str, colours: Palette, *, legend: bool
) -> list[float]:
    """Add one version's estimates to the upper plot of a figure.

    A band too wide to say anything is not drawn, lest what can be read shrinks to nothing; why is said on hovering.

    Args:
        figure: of two rows, or one.
        name: of the version.
        series: measurements ``estimation.…`` in any order; those without a value are gaps.
        unit: of the measure.
        colours: of the page.
        legend: whether the band and the line are named: once a figure is enough.

    Returns:
        The values drawn, and the ends of the band.
    """
    runs = _runs(series)
    seen: list[float] = []
    for place, run in enumerate(runs):
        times = [_middle(point) for point in run]
        low, high = ([_band(point)[end] for point in run] for end in (0, 1))
        values = [point.value for point in run]
        named = legend and not place
        figure.add_trace(
            go.Scatter(
                x=[*times, *reversed(times)],
                y=[*high, *reversed(low)],
                mode="lines",
                line={"width": 0},
                fill="toself",
                fillcolor=_clear(colours.estimated),
                name="90 % of realised values",
                showlegend=named,
                hoverinfo="skip",
            ),
            row=1,
            col=1,
        )
        figure.add_trace(
            go.Scatter(
                x=times,
                y=values,
                mode="lines+markers" if len(run) == 1 else "lines",
                line={"color": colours.estimated, "width": 2, "dash": "dot"},
                marker={"size": 4},
                name="Estimated from scores",
                showlegend=named,
                customdata=[_hover(point, unit) for point in run],
                hovertemplate=f"{plain(name)}, estimated<br>%{{customdata}}<extra></extra>",
            ),
            row=1,
            col=1,
        )
        seen += [value for value in (*values, *low, *high) if value is not None]
    return seen


def _runs(series: Sequence[Measurement]) -> list[list[Measurement]]:
    """Cut a series where windows do not follow each other or have no estimate."""
    runs: list[list[Measurement]] = []
    for point in sorted(series, key=lambda each: each.window.start):
        if point.value is None or point.status is Status.INSUFFICIENT:
            continue
        if runs and runs[-1][-1].window.end == point.window.start:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _middle(point: Measurement) -> datetime:
    return point.window.start + point.window.length / 2


def _band(point: Measurement) -> tuple[float | None, float | None]:
    """Return the ends of the band that is drawn about an estimate; it is as wide as the line where it says nothing."""
    if point.interval is None or point.details.get("vague"):
        return point.value, point.value
    return point.interval


def _hover(point: Measurement, unit: str) -> str:
    low, high = _band(point)
    band = f" ({fmt.with_unit(low, unit)} to {fmt.with_unit(high, unit)})" if low != high else ""
    said = (
        f"<b>{fmt.with_unit(point.value, unit)}</b>{band}"
        f"<br>{fmt.span(point.window.start, point.window.end)}<br>n = {fmt.count(point.rows)}"
    )
    doubt = point.details.get("doubt")
    return f"{said}<br>{plain(str(doubt).partition(':')[0])}" if doubt else said


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{FILL})"
