"""The reference's and the window's values of one column, as shares of rows, on one axis."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from monitor.charts import format as fmt
from monitor.charts.style import Palette, frame, note, plain

Floats = NDArray[np.float64]
BINS = 40
REACH = 1.5  # the most that one bar for everything outside may take, in widths of what is inside


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows of one column: ``counts[i]`` in [edges[i], edges[i+1]), with those outside the edges apart.

    ``minimum`` and ``maximum`` are of the values seen, and bound the bars drawn for ``below`` and ``above``.
    """

    edges: Floats
    counts: Floats
    below: float = 0.0
    above: float = 0.0
    minimum: float = float("nan")
    maximum: float = float("nan")

    @property
    def total(self) -> float:
        """Rows with a finite value."""
        return float(self.counts.sum() + self.below + self.above)


def quantile(histogram: Histogram, share: float) -> float:
    """The value below which ``share`` of the rows lie, linear within a bin; NaN without rows.

    >>> quantile(Histogram(np.array([0.0, 1, 2]), np.array([1.0, 1])), 0.75)
    1.5
    """
    if histogram.total <= 0:
        return float("nan")
    rows = np.concatenate(([histogram.below], histogram.counts))
    return float(np.interp(share * histogram.total, np.cumsum(rows), histogram.edges))


def position(histogram: Histogram, value: float) -> float:
    """The share of rows below ``value``: where one value lies among the histogram's.

    >>> position(Histogram(np.array([0.0, 1, 2]), np.array([1.0, 1])), 1.5)
    0.75
    """
    if histogram.total <= 0 or not np.isfinite(value):
        return float("nan")
    if value < histogram.edges[0]:
        return 0.0
    if value > histogram.edges[-1]:
        return 1.0
    rows = np.cumsum(np.concatenate(([histogram.below], histogram.counts)))
    return float(np.interp(value, histogram.edges, rows) / histogram.total)


def rebin(histogram: Histogram, edges: Floats) -> Floats:
    """Spread a histogram's bins over other edges, evenly within each bin. What lies outside them is left out.

    >>> rebin(Histogram(np.array([0.0, 2, 4]), np.array([4.0, 8])), np.array([0.0, 1, 2, 3])).tolist()
    [2.0, 2.0, 4.0]
    """
    cumulative = np.concatenate(([0.0], np.cumsum(histogram.counts)))
    return np.diff(np.interp(edges, histogram.edges, cumulative))


def display_edges(reference: Histogram | None, current: Histogram, *, whole: bool) -> Floats:
    """About forty equal bins over the 0.5–99.5 % of both; for whole numbers every bin holds as many of them."""
    parts = [h for h in (reference, current) if h is not None and h.counts.sum() > 0]
    if not parts:
        return np.array([0.0, 1.0])
    low = min(quantile(Histogram(h.edges, h.counts), 0.005) for h in parts)
    high = max(quantile(Histogram(h.edges, h.counts), 0.995) for h in parts)
    if high <= low:
        high = low + 1.0
    if not whole:
        return np.linspace(low, high, BINS + 1)
    step = max(1.0, np.ceil((high - low) / BINS))
    first = np.floor(low + 0.5) - 0.5
    return np.arange(first, high + step, step)


def numeric(
    reference: Histogram | None,
    current: Histogram,
    colours: Palette,
    *,
    unit: str = "",
    whole: bool = False,
    height: int = 320,
) -> go.Figure:
    """Draw the reference as a grey outline and the window as bars, both as a share of their rows.

    Values outside the reference's range are one red bar at each side, from the range to the extreme seen: where in it
    they lie is not recorded. It is drawn at most 1.5 ranges wide; the hover tells the true extreme.
    """
    figure = go.Figure()
    frame(figure, colours, height=height, legend=True)
    if current.total <= 0 and (reference is None or reference.total <= 0):
        return note(figure, "No values in this window", colours)
    edges = display_edges(reference, current, whole=whole)
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    if current.total > 0:
        shares = rebin(current, edges) / current.total
        hover = [f"{fmt.figure(a)} to {fmt.with_unit(b, unit)}" for a, b in itertools.pairwise(edges)]
        figure.add_trace(
            go.Bar(
                x=middles,
                y=shares,
                width=widths * 0.94,
                name="This window",
                marker={"color": colours.current, "opacity": 0.75, "line": {"width": 0}},
                customdata=hover,
                hovertemplate="%{customdata}<br><b>%{y:.1%}</b> of this window<extra></extra>",
            )
        )
        _outside(figure, current, edges, colours, unit)
    if reference is not None and reference.total > 0:
        shares = rebin(reference, edges) / reference.total
        figure.add_trace(
            go.Scatter(
                x=np.repeat(edges, 2),
                y=np.concatenate(([0.0], np.repeat(shares, 2), [0.0])),
                mode="lines",
                fill="tozeroy",
                fillcolor=colours.reference_fill,
                line={"color": colours.reference, "width": 1.5},
                name="Reference",
                hoverinfo="skip",
            )
        )
    per = f"{fmt.figure(edges[1] - edges[0])} {plain(unit)}".strip()
    figure.update_yaxes(title_text=f"Share of rows per {per}", tickformat=".0%", rangemode="tozero", nticks=6)
    figure.update_xaxes(title_text=plain(unit), nticks=9)
    return figure


def _outside(figure: go.Figure, current: Histogram, edges: Floats, colours: Palette, unit: str) -> None:
    """Bars for what lies outside; their area, like every bar's, is their share of rows."""
    step, reach = float(edges[1] - edges[0]), float(edges[-1] - edges[0]) * REACH
    for rows, extreme, edge, away in (
        (current.below, current.minimum, min(current.edges[0], edges[0]), -1),
        (current.above, current.maximum, max(current.edges[-1], edges[-1]), 1),
    ):
        if rows <= 0:
            continue
        width = float(np.clip(abs(extreme - edge), step, reach)) if np.isfinite(extreme) else reach
        share, to = rows / current.total, "down" if away < 0 else "up"
        figure.add_trace(
            go.Bar(
                x=[edge + away * width / 2],
                y=[share * step / width],
                width=[width],
                name="Outside the reference's range",
                marker={"color": colours.critical, "opacity": 0.75, "line": {"width": 0}},
                customdata=[
                    f"Outside the reference's range, {to} to {fmt.with_unit(extreme, unit)}<br><b>{fmt.rate(share)}</b>"
                ],
                hovertemplate="%{customdata} of this window<extra></extra>",
            )
        )


def categories(
    reference: Mapping[str, float] | None, current: Mapping[str, float], colours: Palette, *, top: int = 12
) -> go.Figure:
    """Draw shares of categories, reference beside window; beyond the ``top`` most frequent they are one bar.

    Args:
        reference: category → rows, or None.
        current: category → rows.
        colours: of the page.
        top: bars before the rest is gathered.
    """
    base = dict(reference or {})
    totals = (sum(base.values()), sum(current.values()))
    figure = go.Figure()
    if not totals[0] and not totals[1]:
        return note(frame(figure, colours, height=220), "No values in this window", colours)

    def share(rows: float, total: float) -> float:
        return rows / total if total else 0.0

    names = sorted(
        {*base, *current},
        key=lambda name: -max(share(base.get(name, 0), totals[0]), share(current.get(name, 0), totals[1])),
    )
    shown, rest = names[:top], names[top:]
    rows = [
        (plain(name), share(base.get(name, 0), totals[0]), share(current.get(name, 0), totals[1])) for name in shown
    ]
    if rest:
        rows.append(
            (
                f"{len(rest)} others",
                share(sum(base.get(name, 0) for name in rest), totals[0]),
                share(sum(current.get(name, 0) for name in rest), totals[1]),
            )
        )
    rows.reverse()
    for place, name, colour in ((2, "This window", colours.current), (1, "Reference", colours.reference)):
        if place == 1 and not totals[0]:
            continue
        figure.add_trace(
            go.Bar(
                y=[row[0] for row in rows],
                x=[row[place] for row in rows],
                orientation="h",
                name=name,
                marker={"color": colour, "opacity": 0.85 if place == 2 else 0.55},
                hovertemplate=f"%{{y}}<br><b>%{{x:.1%}}</b> of {name.lower()}<extra></extra>",
            )
        )
    frame(figure, colours, height=max(220, 90 + 30 * len(rows)), legend=True)
    figure.update_layout(barmode="group", bargap=0.25, legend={"traceorder": "reversed"})
    figure.update_xaxes(title_text="Share of rows", tickformat=".0%", rangemode="tozero", showgrid=True, nticks=6)
    figure.update_yaxes(type="category", showgrid=False, tickfont={"color": colours.text, "size": 13})
    return figure
