"""One measure over time, a line a series, over bars of how much it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from monitor.charts import format as fmt
from monitor.charts.bounds import diamonds, level, steps
from monitor.charts.estimates import estimates
from monitor.charts.style import Palette, frame, note, plain
from monitor.types import Measurement, Status, Window

SERIES = 5  # more lines than these cannot be told apart


@dataclass(frozen=True, slots=True)
class Bars:
    """Volume under a line: per window all rows and, where it matters, how many of them carry a label."""

    starts: Sequence[datetime]
    ends: Sequence[datetime]
    rows: Sequence[float]
    labelled: Sequence[float] | None = None


def middle(start: datetime, end: datetime) -> datetime:
    """The moment a window is drawn at."""
    return start + (end - start) / 2


def dates(figure: go.Figure, starts: Sequence[datetime]) -> None:
    """Write days as ``19 Dec``; a span of less than three days shows hours too."""
    if starts:
        days = (max(starts) - min(starts)).total_seconds() / 86_400
        figure.update_xaxes(type="date", tickformat="%-d %b" if days >= 2 else "%-d %b %H:%M", nticks=10)
        if 2 <= days <= 8:
            figure.update_xaxes(dtick=86_400_000)
        elif days == 0:
            figure.update_xaxes(
                tickvals=[starts[0]], range=[starts[0] - timedelta(days=1), starts[0] + timedelta(days=2)]
            )


def _points(
    series: Sequence[Measurement], unit: str
) -> tuple[list[datetime], list[float | None], list[float | None], list[str]]:
    """Times, values, thresholds and hovers of one line, with a gap where windows do not follow or have no value."""
    times: list[datetime] = []
    values: list[float | None] = []
    limits: list[float | None] = []
    hovers: list[str] = []
    before: Measurement | None = None
    for point in sorted(series, key=lambda m: m.window.start):
        if before is not None and point.window.start > before.window.end:
            times.append(middle(before.window.end, point.window.start))
            values.append(None)
            limits.append(None)
            hovers.append("")
        enough = point.status is not Status.INSUFFICIENT
        times.append(middle(point.window.start, point.window.end))
        values.append(point.value if enough else None)
        limits.append(point.threshold)
        interval = ""
        if point.interval is not None:
            interval = f" ({fmt.with_unit(point.interval[0], unit)} to {fmt.with_unit(point.interval[1], unit)})"
        hovers.append(
            f"<b>{fmt.with_unit(point.value, unit)}</b>{interval}<br>{fmt.span(point.window.start, point.window.end)}"
            f"<br>n = {fmt.count(point.rows)}"
            + (f"<br>{fmt.rate(point.coverage)} of expected" if point.coverage is not None else "")
        )
        before = point
    return times, values, limits, hovers


def over_time(
    series: dict[str, Sequence[Measurement]],
    colours: Palette,
    *,
    title: str,
    unit: str = "",
    bars: Bars | None = None,
    bars_title: str = "Predictions",
    threshold: float | None = None,
    own_thresholds: bool = False,
    higher_is_better: bool = False,
    height: int = 320,
    from_zero: bool = False,
    highlight: Window | None = None,
    estimated: dict[str, Sequence[Measurement]] | None = None,
) -> go.Figure:
    """Draw one measure over time over its volume.

    Args:
        series: name → measurements of one metric; at most five are drawn. A window marked insufficient is a gap.
        colours: of the page.
        title: of the value axis.
        unit: ``share`` prints per cent, ``ms`` durations, anything else is written behind the number.
        bars: volume under the line; None draws the line alone.
        bars_title: what the bars count.
        threshold: a horizontal line that is always in view; points on its bad side carry a diamond.
        own_thresholds: draw every measurement's own threshold instead, which differs between versions.
        higher_is_better: which side of the threshold is bad.
        height: in pixels.
        from_zero: start the value axis at 0.
        highlight: a window to shade, where the lines reach beyond it.
        estimated: name → what was estimated before labels came, drawn dotted with its band.
    """
    figure = make_subplots(
        rows=2 if bars else 1,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[0.72, 0.28] if bars else None,
    )
    seen: list[float] = []
    bounds: list[tuple[list[datetime], list[float | None]]] = []
    for name, points in list((estimated or {}).items())[:SERIES]:
        seen.extend(estimates(figure, name, points, unit, colours, legend=not seen))
    foreseen = bool(seen)
    named = [(name, points) for name, points in series.items() if points][:SERIES]
    for (name, measurements), colour in zip(named, colours.versions, strict=False):
        times, values, limits, hovers = _points(measurements, unit)
        if own_thresholds:
            bounds.append((times, limits))
        else:
            limits = [threshold] * len(times)
        seen.extend(v for v in values if v is not None)
        figure.add_trace(
            go.Scatter(
                x=times,
                y=values,
                mode="lines+markers",
                name=plain(name),
                line={"color": colour, "width": 2, "shape": "linear"},
                marker={"size": 5},
                connectgaps=False,
                customdata=hovers,
                hovertemplate=f"{plain(name)}<br>%{{customdata}}<extra></extra>",
            ),
            row=1,
            col=1,
        )
        diamonds(figure, times, values, limits, higher_is_better, colours)
    if bars:
        _volume(figure, bars, colours, bars_title)
    steps(figure, bounds, unit, colours)
    if threshold is not None:
        level(figure, threshold, unit, colours)
    drawn = [limit for _, line in bounds for limit in line if limit is not None]
    drawn += [] if threshold is None else [threshold]
    seen += drawn
    told = len(named) > 1 or foreseen or (bars is not None and bars.labelled is not None)
    frame(figure, colours, height=height, legend=told)
    if drawn:
        figure.update_layout(margin={"r": 72})
    if not seen:
        return note(figure, "Not enough data in this window", colours)
    low, high = min(seen), max(seen)
    pad = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    lowest = 0.0 if from_zero or (low >= 0 and low < pad) else low - pad
    both = [*series.values(), *(estimated or {}).values()]
    dates(figure, [m.window.start for points in both for m in points])
    if highlight is not None:
        figure.add_vrect(
            x0=highlight.start, x1=highlight.end, fillcolor=colours.current, opacity=0.1, line_width=0, layer="below"
        )
    figure.update_yaxes(title_text=title, range=[lowest, high + pad], nticks=6, row=1, col=1)
    figure.update_yaxes(tickformat=".0%" if unit == "share" and high - low > 0.05 else None, row=1, col=1)
    return figure


def _volume(figure: go.Figure, bars: Bars, colours: Palette, title: str) -> None:
    middles = [middle(start, end) for start, end in zip(bars.starts, bars.ends, strict=True)]
    widths = [(end - start).total_seconds() * 900 for start, end in zip(bars.starts, bars.ends, strict=True)]
    spans = [fmt.span(start, end) for start, end in zip(bars.starts, bars.ends, strict=True)]
    figure.add_trace(
        go.Bar(
            x=middles,
            y=list(bars.rows),
            width=widths,
            marker={"color": colours.faint, "line": {"width": 0}},
            name=title if bars.labelled is None else f"{title}, no label yet",
            customdata=spans,
            hovertemplate="%{customdata}<br>%{y:,.0f} predictions<extra></extra>",
            showlegend=bars.labelled is not None,
        ),
        row=2,
        col=1,
    )
    if bars.labelled is not None:
        covered = [
            f"{span}<br>{fmt.count(part)} of {fmt.count(rows)} labelled ({fmt.rate(part / rows if rows else None)})"
            for span, part, rows in zip(spans, bars.labelled, bars.rows, strict=True)
        ]
        figure.add_trace(
            go.Bar(
                x=middles,
                y=list(bars.labelled),
                width=widths,
                marker={"color": colours.muted, "line": {"width": 0}},
                name="With label",
                customdata=covered,
                hovertemplate="%{customdata}<extra></extra>",
            ),
            row=2,
            col=1,
        )
        figure.update_layout(barmode="overlay")
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=3, tickformat="~s", row=2, col=1)


def volume(bars: Bars, colours: Palette, *, title: str = "Predictions", height: int = 220) -> go.Figure:
    """Draw volume alone: one bar a window, from zero."""
    figure = go.Figure(
        go.Bar(
            x=[middle(start, end) for start, end in zip(bars.starts, bars.ends, strict=True)],
            y=list(bars.rows),
            width=[(end - start).total_seconds() * 900 for start, end in zip(bars.starts, bars.ends, strict=True)],
            marker={"color": colours.current, "opacity": 0.75, "line": {"width": 0}},
            customdata=[fmt.span(start, end) for start, end in zip(bars.starts, bars.ends, strict=True)],
            hovertemplate="%{customdata}<br><b>%{y:,.0f}</b> predictions<extra></extra>",
        )
    )
    frame(figure, colours, height=height)
    if not any(bars.rows):
        return note(figure, "No traffic in this window", colours)
    dates(figure, bars.starts)
    figure.update_yaxes(title_text=title, rangemode="tozero", nticks=5, tickformat="~s")
    return figure
