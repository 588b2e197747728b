"""Drift of every feature on every day, in one picture: how many times its own threshold it reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.attribution import NAME, cut
from monitor.charts.lines import middle
from monitor.charts.style import Palette, frame, note, plain

CLICKABLE = 1200  # more overlaid markers than these repaint slowly
TOP = 3.0  # the colour scale ends at three times the threshold
ROW = 24  # pixels
KEY = 40  # pixels of the colours' key above
APART = ""  # the blank row between inputs and answers


@dataclass(frozen=True, slots=True)
class Cell:
    """One feature in one window. ``ratio`` is value / threshold; None means nothing can be said, which is not calm."""

    feature: str
    label: str
    start: datetime
    end: datetime
    ratio: float | None
    text: str  # what a pointer over the cell reads
    output: bool = False  # of the model's answers, which stand apart from its inputs


def heatmap(cells: Sequence[Cell], colours: Palette, *, order: Sequence[str] | None = None) -> go.Figure:
    """Draw features × windows, worst feature on top, the model's answers below, cells without data hatched.

    A click is answered by the transparent squares over the cells (a heat map itself reports none): their
    ``customdata`` is [feature, start, end] in ISO times. With more than 1,200 cells only those at or above half
    their threshold can be clicked.

    Args:
        cells: any order; (feature, start) is unique.
        colours: of the page.
        order: feature names from the top; by default inputs, then answers, each by the worst ratio seen.
    """
    if not cells:
        return note(frame(go.Figure(), colours, height=160), "No drift has been measured in this window", colours)
    worst: dict[str, float] = {}
    labels: dict[str, str] = {APART: f'<span style="color:{colours.muted}">The answers</span>'}
    outputs = {cell.feature for cell in cells if cell.output}
    for cell in cells:
        worst[cell.feature] = max(worst.get(cell.feature, -1.0), -1.0 if cell.ratio is None else cell.ratio)
        labels[cell.feature] = plain(cut(cell.label, NAME))
    rows = list(order) if order else sorted(worst, key=lambda name: (name in outputs, -worst[name], labels[name]))
    if not order and 0 < len(outputs) < len(rows):
        rows.insert(len(rows) - len(outputs), APART)
    windows = sorted({(cell.start, cell.end) for cell in cells})
    at = {(cell.feature, cell.start): cell for cell in cells}
    values = [[_ratio(at.get((row, start))) for start, _ in windows] for row in rows]
    texts = [[_text(at.get((row, start)), labels[row], start, end) for start, end in windows] for row in rows]
    figure = go.Figure(
        go.Heatmap(
            x=[middle(start, end) for start, end in windows],
            y=list(range(len(rows))),
            z=values,
            zmin=0,
            zmax=TOP,
            colorscale=[[ratio / TOP, colour] for ratio, colour in colours.heat],
            xgap=2,
            ygap=2,
            hoverinfo="skip",
            colorbar={  # on top, so that a narrow page keeps its width for the cells
                "orientation": "h",
                "thickness": 8,
                "outlinewidth": 0,
                "tickvals": [0, 1, 2, 3],
                "ticktext": ["0", "threshold", "2 ×", "≥ 3 ×"],
                "tickfont": {"color": colours.muted, "size": 12},
                "len": 260,
                "lenmode": "pixels",
                "x": 1,
                "xanchor": "right",
                "xpad": 24,
                "ypad": 4,
                "y": 1,
                "yanchor": "bottom",
            },
        )
    )
    _hatch(figure, rows, values, windows, colours)
    _targets(figure, rows, windows, values, texts, colours)
    frame(figure, colours, height=max(150, 44 + KEY + ROW * len(rows)))
    figure.update_layout(margin={"t": 4})
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[labels[row] for row in rows],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        ticks="",
        tickfont={"color": colours.text, "size": 13},
    )
    days = (windows[-1][1] - windows[0][0]).days
    half = (windows[-1][1] - windows[-1][0]) / 2
    figure.update_xaxes(
        range=[windows[0][0], windows[-1][1] + half * 0.02],
        tickformat="%-d %b",
        tickangle=0,
        dtick=86_400_000 if 1 < days <= 14 else None,
        type="date",
    )
    return figure


def _ratio(cell: Cell | None) -> float | None:
    return None if cell is None else cell.ratio


def _text(cell: Cell | None, label: str, start: datetime, end: datetime) -> str:
    said = "no data" if cell is None else cell.text
    return f"<b>{label}</b><br>{fmt.span(start, end)}<br>{said}"


def _hatch(
    figure: go.Figure,
    rows: Sequence[str],
    values: Sequence[Sequence[float | None]],
    windows: Sequence[tuple[datetime, datetime]],
    colours: Palette,
) -> None:
    blank = [
        (x, y) for y, row in enumerate(values) for x, value in enumerate(row) if value is None and rows[y] != APART
    ]
    if blank:
        figure.add_trace(
            go.Scatter(
                x=[middle(*windows[x]) for x, _ in blank],
                y=[y for _, y in blank],
                mode="markers",
                marker={"symbol": "line-ne-open", "size": 13, "color": colours.muted, "line": {"width": 1.2}},
                opacity=0.7,
                hoverinfo="skip",
                showlegend=False,
            )
        )


def _targets(
    figure: go.Figure,
    rows: Sequence[str],
    windows: Sequence[tuple[datetime, datetime]],
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    colours: Palette,
) -> None:
    every = len(rows) * len(windows) <= CLICKABLE
    spots = [
        (x, y)
        for y, row in enumerate(values)
        for x, value in enumerate(row)
        if rows[y] != APART and (every or (value is not None and value >= 0.5))
    ]
    over = [(x, y) for x, y in spots if (values[y][x] or 0.0) > 1]
    figure.add_trace(
        go.Scatter(
            x=[middle(*windows[x]) for x, _ in over],
            y=[y for _, y in over],
            mode="markers",
            marker={"symbol": "diamond", "size": 5, "color": colours.text},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[middle(*windows[x]) for x, _ in spots],
            y=[y for _, y in spots],
            mode="markers",
            marker={"symbol": "square", "size": ROW - 4, "color": "rgba(0,0,0,0)", "line": {"width": 0}},
            customdata=[[rows[y], windows[x][0].isoformat(), windows[x][1].isoformat()] for x, y in spots],
            text=[texts[y][x] for x, y in spots],
            hovertemplate="%{text}<extra></extra>",
            name="targets",
            showlegend=False,
        )
    )
