"""The reference's and the window's categories, as shares of rows, side by side."""

from collections.abc import Mapping

import plotly.graph_objects as go

from monitor.charts.style import Palette, frame, note, plain

OTHER, UNSEEN = "other known", "never seen"
"""What gathers the values too rare to be counted apart, and those that the reference never held."""


def categories(
    reference: Mapping[str, float] | None, current: Mapping[str, float], colours: Palette, *, top: int = 12
) -> go.Figure:
    """Draw shares of categories, reference beside window; beyond the ``top`` most frequent they are one bar.

    Rows of values never seen before are always a bar of their own, at the bottom.

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
        {*base, *current} - {OTHER, UNSEEN},
        key=lambda name: (-max(share(base.get(name, 0), totals[0]), share(current.get(name, 0), totals[1])), name),
    )
    shown, rest = names[:top], names[top:]
    gathered = f"{len(rest)} others"
    if {*base, *current} & {OTHER}:
        gathered, rest = "all others", [*rest, OTHER]
    rows = [
        (plain(name), share(base.get(name, 0), totals[0]), share(current.get(name, 0), totals[1])) for name in shown
    ]
    if rest:
        rows.append(
            (
                gathered,
                share(sum(base.get(name, 0) for name in rest), totals[0]),
                share(sum(current.get(name, 0) for name in rest), totals[1]),
            )
        )
    if current.get(UNSEEN) or base.get(UNSEEN):
        rows.append((UNSEEN, share(base.get(UNSEEN, 0), totals[0]), share(current.get(UNSEEN, 0), totals[1])))
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
