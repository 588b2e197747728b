"""What one input contributed over its values: a dot a row, numbers along an axis, categories in lines of their own."""

from collections.abc import Sequence

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.attribution import cut, titled
from monitor.charts.style import Palette, frame, note, plain
from monitor.types import Scalar

MOST = 12
"""Categories that are drawn, those of most rows; the rest share a line."""

REST = "all others"

MISSING = "missing"


def dependence(
    given: Sequence[tuple[Scalar, float]], colours: Palette, *, label: str, value_unit: str = "", unit: str = ""
) -> go.Figure:
    """Draw every row's value against what it contributed; more goes up (or right) from the line at zero.

    Args:
        given: value and contribution of each row; rows without a value are a category, and left out of numbers.
        colours: of the page.
        label: what the input is called.
        value_unit: of its values.
        unit: of the contributions; ``share`` prints points.

    >>> from monitor.charts.style import LIGHT
    >>> list(dependence([("b", 0.1), ("a", -0.1), ("b", 0.2)], LIGHT, label="x").layout.yaxis.ticktext)
    ['b', 'a']
    """
    known = [(value, amount) for value, amount in given if value is not None]
    numbers = [(float(v), amount) for v, amount in known if isinstance(v, int | float) and not isinstance(v, bool)]
    if numbers and len(numbers) == len(known):
        return _numbers(numbers, colours, f"{label} ({value_unit})" if value_unit else label, unit)
    return _categories(given, colours, unit)


def _numbers(numbers: Sequence[tuple[float, float]], colours: Palette, title: str, unit: str) -> go.Figure:
    figure = go.Figure(
        _dots(
            [value for value, _ in numbers],
            [amount for _, amount in numbers],
            [f"{plain(title)}: {fmt.value(value)}<br><b>{fmt.change(amount, unit)}</b>" for value, amount in numbers],
            colours,
        )
    )
    frame(figure, colours, height=300)
    figure.add_hline(y=0, line={"color": colours.muted, "width": 1})
    figure.update_xaxes(title_text=plain(title), nticks=8)
    figure.update_yaxes(
        title_text=plain(titled("Contribution", unit)),
        tickformat="+.3~p" if unit == "share" else None,
        showgrid=True,
        nticks=7,
    )
    return figure


def _categories(given: Sequence[tuple[Scalar, float]], colours: Palette, unit: str) -> go.Figure:
    groups: dict[str, list[float]] = {}
    for value, amount in given:
        groups.setdefault(MISSING if value is None else fmt.value(value) or "(empty)", []).append(amount)
    frequent = sorted(groups, key=lambda name: (-len(groups[name]), name))
    shown = frequent if len(frequent) <= MOST + 1 else frequent[:MOST]
    if len(shown) < len(frequent):
        groups[REST] = [amount for name in frequent[MOST:] for amount in groups[name]]
        shown = [*shown, REST]
    shown = sorted(shown, key=lambda name: (name == REST, -sum(groups[name]) / len(groups[name]), name))
    dots = [(at, name, amount) for at, name in enumerate(shown) for amount in groups[name]]
    figure = go.Figure(
        _dots(
            [amount for *_, amount in dots],
            [at for at, *_ in dots],
            [f"{plain(name)}<br><b>{fmt.change(amount, unit)}</b>" for _, name, amount in dots],
            colours,
        )
    )
    frame(figure, colours, height=max(300, 90 + 26 * len(shown)))
    if not dots:
        return note(figure, "No row to show.", colours)
    figure.add_vline(x=0, line={"color": colours.muted, "width": 1})
    figure.update_xaxes(
        title_text=plain(titled("Contribution", unit)),
        tickformat="+.3~p" if unit == "share" else None,
        showgrid=True,
        nticks=7,
    )
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[plain(cut(name, 32)) for name in shown],
        range=[len(shown) - 0.4, -0.6],
        ticks="",
        tickfont={"color": colours.text, "size": 13},
    )
    return figure


def _dots(x: Sequence[float], y: Sequence[float], said: Sequence[str], colours: Palette) -> go.Scatter:
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="markers",
        marker={"color": colours.current, "size": 8, "opacity": 0.55},
        customdata=list(said),
        hovertemplate="%{customdata}<extra></extra>",
    )
