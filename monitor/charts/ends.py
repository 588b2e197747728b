"""Where horizontal bars end: their intervals, and the numbers beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from monitor.charts.style import Palette


@dataclass(frozen=True, slots=True)
class End:
    """Where a bar ends, how far its interval goes below and above, and the number that is written beyond."""

    at: float
    reach: tuple[float, float]
    text: str
    leftward: bool = False


def room(ends: Sequence[End], marks: Sequence[float]) -> list[float]:
    """Return the axis' range: every bar and interval, and room for the numbers at the sides that have some."""
    low = min(*marks, *(end.at - end.reach[0] for end in ends))
    high = max(*marks, *(end.at + end.reach[1] for end in ends))
    wide = (high - low) or abs(high) or 1.0
    left = 0.26 if any(end.leftward for end in ends) else 0.02
    return [low - left * wide, high + 0.3 * wide]


def written(figure: go.Figure, ends: Sequence[End], colours: Palette) -> None:
    """Write each bar's number beyond its end and its interval, so that neither covers the other."""
    figure.add_trace(
        go.Scatter(
            x=[end.at for end in ends],
            y=list(range(len(ends))),
            mode="markers",
            marker={"size": 1, "color": colours.text},
            error_x={
                "symmetric": False,
                "array": [end.reach[1] for end in ends],
                "arrayminus": [end.reach[0] for end in ends],
                "color": colours.text,
                "thickness": 1,
                "width": 3,
                "visible": any(any(end.reach) for end in ends),
            },
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[end.at - end.reach[0] if end.leftward else end.at + end.reach[1] for end in ends],
            y=list(range(len(ends))),
            mode="text",
            text=[f" {end.text} " for end in ends],
            textposition=["middle left" if end.leftward else "middle right" for end in ends],
            textfont={"color": colours.text, "size": 12},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
    )
