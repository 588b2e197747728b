"""What a model goes by in a window, beside the reference: two bars an input, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.attribution import NAME, cut, titled
from monitor.charts.style import Palette, frame, plain


@dataclass(frozen=True, slots=True)
class Beside:
    """One input's mean in the reference and in the window, each with its 95 % interval; ``clear`` marks a change."""

    label: str
    reference: float
    reference_interval: tuple[float, float]
    current: float
    current_interval: tuple[float, float]
    clear: bool = False


def _name(given: Beside) -> str:
    return plain(cut(given.label, NAME))


def compared(given: Sequence[Beside], colours: Palette, *, unit: str = "", top: int = 12) -> go.Figure:
    """Draw the largest inputs as pairs of horizontal bars from zero, the larger of both on top.

    Args:
        given: every input.
        colours: of the page.
        unit: of the means; ``share`` prints points.
        top: how many inputs are drawn.
    """
    shown = sorted(given, key=lambda each: (-max(each.reference, each.current), each.label))[:top]
    figure = go.Figure()
    for name, colour, offset in (("Reference", colours.reference, -0.19), ("This window", colours.current, 0.19)):
        means = [each.reference if offset < 0 else each.current for each in shown]
        ends = [each.reference_interval if offset < 0 else each.current_interval for each in shown]
        words = [fmt.change(mean, unit).removeprefix("+") for mean in means]
        figure.add_trace(
            go.Bar(
                orientation="h",
                name=name,
                x=means,
                y=[at + offset for at in range(len(shown))],
                width=0.34,
                marker={"color": colour},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [high - mean for mean, (_, high) in zip(means, ends, strict=True)],
                    "arrayminus": [mean - low for mean, (low, _) in zip(means, ends, strict=True)],
                    "color": colours.text,
                    "thickness": 1,
                    "width": 3,
                },
                customdata=[
                    f"{plain(each.label)}, {name.lower()}<br><b>{word}</b>"
                    for each, word in zip(shown, words, strict=True)
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    frame(figure, colours, height=110 + 44 * len(shown), legend=True)
    figure.update_layout(barmode="overlay")
    most = max((max(each.reference_interval[1], each.current_interval[1]) for each in shown), default=1.0) or 1.0
    figure.update_xaxes(
        title_text=plain(titled("Mean size of the contribution", unit)),
        range=[0, 1.08 * most],
        tickformat=".3~p" if unit == "share" else None,
        showgrid=True,
        nticks=7,
    )
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[f"<b>{_name(each)}</b>" if each.clear else _name(each) for each in shown],
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
        ticks="",
        tickfont={"color": colours.text, "size": 13},
    )
    return figure
