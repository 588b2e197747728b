"""Do scores come true: the share of positive labels by score, with its interval, against the diagonal."""

from collections.abc import Sequence

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.style import Palette, frame, note

Z = 1.645  # 90 %


def wilson(hits: float, rows: float) -> tuple[float, float]:
    """Return the 90 % interval of a share; (0, 1) without rows. Source: Wilson (1927).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.541, 0.931]
    """
    if rows <= 0:
        return 0.0, 1.0
    share = hits / rows
    center = (share + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z / (1 + Z * Z / rows) * (share * (1 - share) / rows + Z * Z / (4 * rows * rows)) ** 0.5
    return max(0.0, center - half), min(1.0, center + half)


def reliability_chart(
    rows: Sequence[int], score: Sequence[float], rate: Sequence[float], colours: Palette, *, height: int = 260
) -> go.Figure:
    """Draw the curve of groups of scores.

    Args:
        rows: labelled rows of each group.
        score: its mean score.
        rate: the share of its labels that are positive.
        colours: of the page.
        height: in pixels.
    """
    figure = go.Figure()
    frame(figure, colours, height=height)
    if not len(rows):
        return note(figure, "No labelled prediction with a score in this window", colours)
    ends = [wilson(share * count, count) for share, count in zip(rate, rows, strict=True)]
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": colours.muted, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=list(score),
            y=list(rate),
            mode="lines+markers",
            line={"color": colours.current, "width": 2},
            marker={"size": 7},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [max(0.0, high - share) for (_, high), share in zip(ends, rate, strict=True)],
                "arrayminus": [max(0.0, share - low) for (low, _), share in zip(ends, rate, strict=True)],
                "color": colours.current,
                "thickness": 1,
                "width": 3,
            },
            customdata=[
                f"scores about {fmt.rate(said)}<br>came true {fmt.rate(share)} ({fmt.rate(low)} to {fmt.rate(high)})"
                f"<br>n = {fmt.count(count)}"
                for said, share, count, (low, high) in zip(score, rate, rows, ends, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="Score", range=[-0.02, 1.02], tickformat=".0%", nticks=6)
    figure.update_yaxes(title_text="Came true", range=[-0.02, 1.02], tickformat=".0%", nticks=6)
    return figure
