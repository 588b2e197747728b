"""Why one row was answered as it was: a waterfall for additive methods, bars for the others."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.style import Palette, frame, plain


@dataclass(frozen=True, slots=True)
class Share:
    """One feature's part: its name for people, its value with unit, what it added, and how sure that is."""

    label: str
    value: str
    amount: float
    error: float | None = None


def ranked(shares: Sequence[Share], top: int) -> list[Share]:
    """The ``top`` largest by size, then one line for the sum of the rest.

    >>> [s.label for s in ranked([Share("a", "", 1), Share("b", "", -3), Share("c", "", 0.5)], 1)]
    ['b', '2 other features']
    """
    by_size = sorted(shares, key=lambda share: (-abs(share.amount), share.label))
    head, rest = by_size[:top], by_size[top:]
    if len(rest) == 1:
        return by_size
    if rest:
        head.append(Share(f"{len(rest)} other features", "", sum(share.amount for share in rest)))
    return head


def _name(share: Share) -> str:
    return f"{plain(share.label)} = {plain(share.value)}" if share.value else plain(share.label)


def waterfall(
    shares: Sequence[Share],
    colours: Palette,
    *,
    base: float,
    output: float,
    output_name: str,
    unit: str = "",
    top: int = 10,
) -> go.Figure:
    """Draw the way from the base value to the prediction, one step a feature, the largest first.

    Args:
        shares: every feature's part; ``base + sum(amounts) = output``.
        colours: of the page; more goes right in blue, less left in red-brown, so no side reads good or bad.
        base: the average answer over the background.
        output: the answer for this row.
        output_name: what the axis shows, such as "Probability of late".
        unit: of the output; ``share`` prints per cent.
        top: steps before the rest is one step.
    """
    steps = ranked(shares, top)
    rows = ["Average answer", *(_name(step) for step in steps), "This row"]
    changes = [fmt.points(step.amount) if unit == "share" else fmt.signed(step.amount) for step in steps]
    texts = [fmt.with_unit(base, unit), *changes, fmt.with_unit(output, unit)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *("relative" for _ in steps), "total"],
            y=list(range(len(rows))),
            x=[base, *(step.amount for step in steps), output],
            increasing={"marker": {"color": colours.current}},
            decreasing={"marker": {"color": "#C2571A" if colours.page == "#FFFFFF" else "#F2955B"}},
            totals={"marker": {"color": colours.reference}},
            connector={"line": {"color": colours.faint, "width": 1}},
            customdata=[f"{row}<br><b>{text}</b>" for row, text in zip(rows, texts, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    marks = list(itertools.accumulate((step.amount for step in steps), initial=base))
    ends = [base, *marks[1:], output]
    errors = [0.0, *(step.error or 0.0 for step in steps), 0.0]
    leftward = [False, *(step.amount < 0 for step in steps), False]
    _ends(figure, ends, errors, leftward, texts, colours)
    _rows(figure, rows, colours)
    low, high = min(*marks, output), max(*marks, output)
    pad = (high - low) * 0.2 or abs(high) * 0.1 or 1.0
    figure.update_xaxes(
        title_text=plain(output_name),
        range=[low - pad, high + 1.5 * pad],  # the numbers are written at the right
        tickformat=".0%" if unit == "share" else None,
        showgrid=True,
        nticks=7,
    )
    return figure


def _ends(
    figure: go.Figure,
    ends: Sequence[float],
    errors: Sequence[float],
    leftward: Sequence[bool],
    texts: Sequence[str],
    colours: Palette,
) -> None:
    """Write each bar's number beyond its end and its error bar, so that neither covers the other."""
    figure.add_trace(
        go.Scatter(
            x=list(ends),
            y=list(range(len(ends))),
            mode="markers",
            marker={"size": 1, "color": colours.text},
            error_x={
                "array": list(errors),
                "color": colours.text,
                "thickness": 1,
                "width": 3,
                "visible": any(errors),
            },
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[end + (-error if left else error) for end, error, left in zip(ends, errors, leftward, strict=True)],
            y=list(range(len(ends))),
            mode="text",
            text=[f" {text} " for text in texts],
            textposition=["middle left" if left else "middle right" for left in leftward],
            textfont={"color": colours.text, "size": 12},
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
    )


def bars(
    shares: Sequence[Share], colours: Palette, *, title: str = "Weight in the local model", top: int = 10
) -> go.Figure:
    """Draw signed weights as horizontal bars from zero, the largest on top, with standard errors where known."""
    steps = ranked(shares, top)
    other = "#C2571A" if colours.page == "#FFFFFF" else "#F2955B"
    figure = go.Figure(
        go.Bar(
            orientation="h",
            x=[step.amount for step in steps],
            y=list(range(len(steps))),
            marker={"color": [colours.current if step.amount >= 0 else other for step in steps]},
            customdata=[f"{_name(step)}<br><b>{fmt.signed(step.amount)}</b>" for step in steps],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    _ends(
        figure,
        [step.amount for step in steps],
        [step.error or 0.0 for step in steps],
        [step.amount < 0 for step in steps],
        [fmt.signed(step.amount) for step in steps],
        colours,
    )
    _rows(figure, [_name(step) for step in steps], colours)
    amounts = [step.amount for step in steps] + [0.0]
    pad = (max(amounts) - min(amounts)) * 0.3 or 1.0
    figure.update_xaxes(title_text=title, range=[min(amounts) - pad, max(amounts) + pad], showgrid=True, nticks=6)
    figure.add_vline(x=0, line={"color": colours.muted, "width": 1})
    return figure


def _rows(figure: go.Figure, names: Sequence[str], colours: Palette) -> None:
    frame(figure, colours, height=80 + 28 * len(names))
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=list(names),
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
        ticks="",
        tickfont={"color": colours.text, "size": 13},
    )
