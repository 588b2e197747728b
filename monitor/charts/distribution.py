"""The reference's and the window's values of one column, as shares of rows, on one axis."""

import itertools
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.histogram import Floats, Histogram, atoms, beyond, quantile, rebin
from monitor.charts.style import Palette, frame, note, plain

BINS = 40
WIDTH, GAP = 0.06, 0.03  # of the bar at an end, and between it and the axis, as shares of the axis
_LEAST = 1e-6  # rows; less is rounding


@dataclass(frozen=True, slots=True)
class End:
    """All rows beyond one end of the axis, as shares: of the window in the reference's range and outside it."""

    side: str  # "below" or "above"
    x: float  # where its bar stands
    inside: float
    outside: float
    reference: float
    edge: float
    extreme: float

    @property
    def share(self) -> float:
        """The window's share beyond this end."""
        return self.inside + self.outside

    def told(self, unit: str) -> str:
        """What is written over it."""
        if not self.share:
            return f"0 % {self.side} (reference {fmt.rate(self.reference)})"
        return f"{fmt.rate(self.share)} {self.side}, to {fmt.with_unit(self.extreme, plain(unit))}"


def display_edges(reference: Histogram | None, current: Histogram, *, whole: bool) -> Floats:
    """About forty equal bins over the values of both; for whole numbers every bin holds as many of them.

    A column with few distinct values keeps its own bins, one a value.

    The axis ends at most one span of the reference's middle 90 % beyond that middle, so that a long tail leaves the
    bulk at least a third of it.
    """
    parts = [h for h in (reference, current) if h is not None and h.counts.sum() > 0]
    if not parts:
        return np.array([0.0, 1.0])
    held = [np.flatnonzero(h.counts) for h in parts]
    low = min(float(h.edges[at[0]]) for h, at in zip(parts, held, strict=True))
    high = max(float(h.edges[at[-1] + 1]) for h, at in zip(parts, held, strict=True))
    first, last = (quantile(parts[0], share) for share in (0.05, 0.95))
    if last > first:
        low, high = max(low, first - (last - first)), min(high, last + (last - first))
    if high <= low:
        low, high = low - 0.5, low + 0.5
    few = parts[0].edges[(parts[0].edges >= low) & (parts[0].edges <= high)]
    if 2 < len(few) <= BINS and atoms(parts[0].edges) is not None:
        return few  # a bar for each value
    if not whole:
        return np.linspace(low, high, BINS + 1)
    step = max(1.0, np.ceil((high - low) / BINS))
    start = np.floor(low + 0.5) - 0.5
    return np.arange(start, high + step, step)


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

    What lies beyond an end of the axis is one bar there, apart from it and not to scale, with its share and extreme
    written over it; of it, what is outside all that the reference held is red.
    """
    figure = go.Figure()
    frame(figure, colours, height=height, legend=True)
    if current.total <= 0 and (reference is None or reference.total <= 0):
        return note(figure, "No values in this window", colours)
    edges = display_edges(reference, current, whole=whole)
    ends = _ends(reference, current, edges)
    if current.total > 0:
        _window(figure, current, edges, ends, colours, unit)
    if reference is not None and reference.total > 0:
        _outline(figure, rebin(reference, edges) / reference.total, edges, ends, colours)
    for end in ends:
        _label(figure, end, edges, colours, unit)
    figure.update_yaxes(title_text=_per(edges, unit), tickformat=".0%", rangemode="tozero", nticks=6)
    scale = "end bars: all rows beyond the axis, not to scale" if ends else ""
    low, high = float(edges[0]), float(edges[-1])
    marks, space = ticks(low, high, whole=whole), (high - low) * (GAP + WIDTH + 0.01)
    sides = {end.side for end in ends}
    figure.update_xaxes(
        range=[low - space * ("below" in sides), high + space * ("above" in sides)],
        title_text=" · ".join(part for part in ("" if unit == "share" else plain(unit), scale) if part),
        tickvals=marks,
        ticktext=[f"{mark:.0%}" if unit == "share" else f"{mark:,.10g}".replace("-", "−") for mark in marks],
    )
    figure.update_layout(barmode="overlay", margin={"t": 62} if ends else {})
    return figure


def _per(edges: Floats, unit: str) -> str:
    """What the height of one bar counts."""
    widths = np.diff(edges)
    if not np.allclose(widths, widths[0]):
        return "Share of rows by value"
    step = f"{widths[0] * 100:.3g} pp" if unit == "share" else f"{fmt.figure(float(widths[0]))} {plain(unit)}"
    return f"Share of rows per {step.strip()}"


def ticks(low: float, high: float, most: int = 8, *, whole: bool = False) -> list[float]:
    """Round numbers within an axis; whole ones where only those mean anything.

    >>> ticks(-13.0, 131.0)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0]
    """
    rough = max((high - low) / most, 1.0 if whole else 0.0)
    size = 10.0 ** np.floor(np.log10(rough))
    steps = [size * times for times in (1, 2, 2.5, 5, 10)]
    step = next(step for step in steps if step >= rough * 0.999 and not (whole and step % 1))
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [float(f"{n * step:.10g}") for n in range(first, last + 1)]


def _ends(reference: Histogram | None, current: Histogram, edges: Floats) -> list[End]:
    """The ends of the axis that anything lies beyond."""
    low, high = float(edges[0]), float(edges[-1])
    away = (high - low) * (GAP + WIDTH / 2)
    now = beyond(current, low, high) if current.total > 0 else (0.0, 0.0)
    before = beyond(reference, low, high) if reference is not None else (0.0, 0.0)
    rows = current.total or 1.0
    usual = reference.total if reference is not None and reference.total else 1.0
    both = [
        End("below", low - away, now[0] / rows, current.below / rows, before[0] / usual, low, current.minimum),
        End("above", high + away, now[1] / rows, current.above / rows, before[1] / usual, high, current.maximum),
    ]
    return [end for end in both if end.share * rows > _LEAST or end.reference * usual > _LEAST]


def _window(figure: go.Figure, current: Histogram, edges: Floats, ends: list[End], colours: Palette, unit: str) -> None:
    """The window's bars, in blue; at the ends what is outside the reference's range is red on top."""
    width = float(edges[-1] - edges[0]) * WIDTH
    hover = [f"{fmt.figure(a)} to {fmt.with_unit(b, unit)}" for a, b in itertools.pairwise(edges.tolist())]
    figure.add_trace(
        go.Bar(
            x=[*((edges[:-1] + edges[1:]) / 2), *(end.x for end in ends)],
            y=[*(rebin(current, edges) / current.total), *(end.inside for end in ends)],
            width=[*(np.diff(edges) * 0.94), *[width] * len(ends)],
            name="This window",
            marker={"color": colours.current, "opacity": 0.75, "line": {"width": 0}},
            customdata=[*hover, *(f"{end.side} {fmt.with_unit(end.edge, unit)}".capitalize() for end in ends)],
            hovertemplate="%{customdata}<br><b>%{y:.1%}</b> of this window<extra></extra>",
        )
    )
    out = [end for end in ends if end.outside]
    if out:
        figure.add_trace(
            go.Bar(
                x=[end.x for end in out],
                y=[end.outside for end in out],
                base=[end.inside for end in out],
                width=[width] * len(out),
                name="Outside the reference",
                marker={"color": colours.critical, "opacity": 0.75, "line": {"width": 0}},
                customdata=[
                    f"{end.side} all that the reference held, to {fmt.with_unit(end.extreme, unit)}"
                    f"<br><b>{fmt.rate(end.outside)}</b>".capitalize()
                    for end in out
                ],
                hovertemplate="%{customdata} of this window<extra></extra>",
            )
        )


def _outline(figure: go.Figure, shares: Floats, edges: Floats, ends: list[End], colours: Palette) -> None:
    """The reference's outline, with a box of its own at each end."""
    half = float(edges[-1] - edges[0]) * WIDTH / 2
    boxes = {
        end.side: ([end.x - half] * 2 + [end.x + half] * 2, [0.0, end.reference, end.reference, 0.0]) for end in ends
    }
    left, right = boxes.get("below", ([], [])), boxes.get("above", ([], []))
    figure.add_trace(
        go.Scatter(
            x=[*left[0], *np.repeat(edges, 2), *right[0]],
            y=[*left[1], 0.0, *np.repeat(shares, 2), 0.0, *right[1]],
            mode="lines",
            fill="tozeroy",
            fillcolor=colours.reference_fill,
            line={"color": colours.reference, "width": 1.5},
            name="Reference",
            hoverinfo="skip",
        )
    )


def _label(figure: go.Figure, end: End, edges: Floats, colours: Palette, unit: str) -> None:
    """Say over an end's bar how much it holds and how far that goes, and part it from the axis."""
    above = end.side == "above"
    figure.add_annotation(
        text=end.told(unit),
        x=1 if above else 0,
        xref="paper",
        xanchor="right" if above else "left",
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"color": colours.critical if end.outside else colours.muted, "size": 12},
    )
    apart = (1 if above else -1) * float(edges[-1] - edges[0]) * GAP / 2
    figure.add_vline(x=end.edge + apart, line={"color": colours.muted, "width": 1, "dash": "dot"})
