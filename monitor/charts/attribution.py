"""Why one row was answered as it was: a waterfall for additive methods, bars for the others."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.ends import End, room, written
from monitor.charts.style import Palette, frame, plain


@dataclass(frozen=True, slots=True)
class Share:
    """One feature's part: its name for people, its value with unit, what it added, and the interval that holds that."""

    label: str
    value: str
    amount: float
    interval: tuple[float, float] | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """How far the interval goes below and above the amount; nowhere where there is none."""
        low, high = self.interval or (self.amount, self.amount)
        return max(self.amount - low, 0.0), max(high - self.amount, 0.0)


def ranked(shares: Sequence[Share], top: int) -> list[Share]:
    """The ``top`` largest by size, then one line for the sum of the rest.

    >>> [s.label for s in ranked([Share("a", "", 1), Share("b", "", -3), Share("c", "", 0.5)], 1)]
    ['b', '2 others together']
    """
    by_size = sorted(shares, key=lambda share: (-abs(share.amount), share.label))
    head, rest = by_size[:top], by_size[top:]
    if len(rest) == 1:
        return by_size
    if rest:
        head.append(Share(f"{len(rest)} others together", "", sum(share.amount for share in rest)))
    return head


SURE = 1.96
"""Standard errors at either side of an amount that hold it in 95 of 100 runs."""

NAME, VALUE = 40, 18
"""Most characters of a row's name, and of the value in it; the hover has all of it."""


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, with a mark where it was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _name(share: Share) -> str:
    """Name a row so that its value stays readable, whatever its label's length."""
    if not share.value:
        return plain(cut(share.label, NAME))
    value = cut(share.value, VALUE)
    return f"{plain(cut(share.label, NAME - len(value) - 3))} = {plain(value)}"


def _whole(share: Share) -> str:
    return f"{plain(share.label)} = {plain(share.value)}" if share.value else plain(share.label)


def waterfall(
    shares: Sequence[Share],
    colours: Palette,
    *,
    base: float,
    output: float,
    output_name: str,
    base_name: str = "Average answer",
    unit: str = "",
    top: int = 10,
) -> go.Figure:
    """Draw the way from the base value to the prediction, one step a feature, the largest first.

    Args:
        shares: every feature's part; ``base + sum(amounts) = output``.
        colours: of the page; more goes right in blue, less left in red-brown, so no side reads good or bad.
        base: the average answer over the background, or whatever else ``base_name`` says.
        output: the answer for this row.
        output_name: what the axis shows, such as "Probability of late".
        base_name: what the way begins with.
        unit: of the output; ``share`` prints per cent.
        top: steps before the rest is one step.
    """
    steps = ranked(shares, top)
    rows = [base_name, *(_name(step) for step in steps), "This row"]
    hovers = [base_name, *(_whole(step) for step in steps), "This row"]
    texts = [fmt.with_unit(base, unit), *(fmt.change(step.amount, unit) for step in steps), fmt.with_unit(output, unit)]
    figure = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *("relative" for _ in steps), "total"],
            y=list(range(len(rows))),
            x=[base, *(step.amount for step in steps), output],
            increasing={"marker": {"color": colours.current}},
            decreasing={"marker": {"color": less(colours)}},
            totals={"marker": {"color": colours.reference}},
            connector={"line": {"color": colours.faint, "width": 1}},
            customdata=[f"{row}<br><b>{text}</b>" for row, text in zip(hovers, texts, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    marks = list(itertools.accumulate((step.amount for step in steps), initial=base))
    still = (0.0, 0.0)
    ends = [
        End(base, still, texts[0]),
        *(
            End(mark, step.reach, text, step.amount < 0)
            for mark, step, text in zip(marks[1:], steps, texts[1:], strict=False)
        ),
        End(output, still, texts[-1]),
    ]
    written(figure, ends, colours)
    _rows(figure, rows, colours)
    left, right = room(ends, marks)
    if 0 < left <= right - left:  # bars begin at zero, unless the steps would become too small to be seen
        left = 0.0
    figure.update_xaxes(
        title_text=plain(output_name if unit == "share" else titled(output_name, unit)),
        range=[left, right],
        tickformat=".0%" if unit == "share" else None,
        showgrid=True,
        nticks=7,
    )
    return figure


def less(colours: Palette) -> str:
    """Return the colour of what makes the answer less, that of more being ``current``."""
    return "#C2571A" if colours.page == "#FFFFFF" else "#F2955B"


def titled(name: str, unit: str) -> str:
    """Return an axis' title with the unit behind; points of a share are told from per cent of anything else.

    >>> titled("Contribution", "$"), titled("Contribution", "share")
    ('Contribution ($)', 'Contribution, in points')
    """
    if unit == "share":
        return f"{name}, in points"
    return f"{name} ({unit})" if unit else name


def bars(
    shares: Sequence[Share],
    colours: Palette,
    *,
    title: str = "Weight in the local model",
    unit: str = "",
    sizes: bool = False,
    top: int = 10,
) -> go.Figure:
    """Draw amounts as horizontal bars from zero, the largest on top, with intervals where they are known.

    Args:
        shares: every input's amount.
        colours: of the page.
        title: of the axis.
        unit: of the amounts; ``share`` prints points.
        sizes: the amounts are sizes, and have no sign.
        top: how many are drawn before the rest is one bar; of sizes the rest is left out, as theirs add up to nothing.
    """
    steps = ranked(shares, top)[:top] if sizes else ranked(shares, top)
    texts = [fmt.change(step.amount, unit) for step in steps]
    if sizes:
        texts = [text.removeprefix("+") for text in texts]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            x=[step.amount for step in steps],
            y=list(range(len(steps))),
            marker={"color": [colours.current if step.amount >= 0 else less(colours) for step in steps]},
            customdata=[f"{_whole(step)}<br><b>{text}</b>" for step, text in zip(steps, texts, strict=True)],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    ends = [End(step.amount, step.reach, text, step.amount < 0) for step, text in zip(steps, texts, strict=True)]
    written(figure, ends, colours)
    _rows(figure, [_name(step) for step in steps], colours)
    figure.update_xaxes(
        title_text=plain(titled(title, unit)),
        range=room(ends, [0.0, 0.0]),
        tickformat=".3~p" if unit == "share" else None,
        showgrid=True,
        nticks=6,
    )
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
