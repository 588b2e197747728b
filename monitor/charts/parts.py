"""What the parts of one value contributed: words coloured in their text, segments over their image, steps in a strip.

More is blue and less red-brown, as in the waterfall, the stronger the more; nothing is called good or bad.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from monitor.charts import format as fmt
from monitor.charts.attribution import SURE, less
from monitor.charts.style import Palette, frame, plain
from monitor.types import Part


def _greatest(parts: Sequence[Part]) -> float:
    return max((abs(part.amount) for part in parts), default=0.0) or 1.0


def _faint(colour: str, strength: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength:.2f})"


def words(text: str, parts: Sequence[Part], colours: Palette, unit: str = "") -> str:
    """Return a text as HTML in which words that contributed are coloured and say how much; all of it is escaped.

    Args:
        text: as it was captured.
        parts: its words, with their places in it.
        colours: of the page.
        unit: of the amounts; ``share`` prints points.

    >>> from monitor.charts.style import LIGHT
    >>> "<b>" in words("<b>late", [Part(feature="t", label="<b>late", place=(0, 7), amount=1.0)], LIGHT)
    False
    """
    greatest = _greatest(parts)
    pieces, at = [], 0
    for part in sorted(parts, key=lambda part: part.place):
        start, stop = part.place
        strength = 0.55 * abs(part.amount) / greatest
        colour = _faint(colours.current if part.amount >= 0 else less(colours), strength)
        amount = fmt.change(part.amount, unit)
        sure = f" ± {fmt.change(SURE * part.error, unit).removeprefix('+')}" if part.error else ""
        beside = f'<sub style="color:{colours.muted}">{escape(amount)}</sub>' if strength > 0.1 else ""
        pieces.append(escape(text[at:start]))
        pieces.append(
            f'<span title="{escape(amount + sure, quote=True)}" '
            f'style="background:{colour};border-radius:3px;padding:1px 2px">'
            f"{escape(text[start:stop])}</span>{beside}"
        )
        at = stop
    pieces.append(escape(text[at:]))
    style = f"line-height:2;color:{colours.text};white-space:pre-wrap;overflow-wrap:anywhere"
    return f'<p dir="auto" style="{style}">{"".join(pieces)}</p>'


def overlay(
    picture: npt.NDArray[np.uint8] | str,
    size: tuple[int, int],
    parts: Sequence[Part],
    colours: Palette,
    unit: str = "",
) -> go.Figure:
    """Draw an image with its segments coloured by what they contributed.

    Args:
        picture: its pixels, [height, width] or [height, width, 3 or 4], or a data URI of an encoded one.
        size: height and width.
        parts: its segments, by runs of pixels.
        colours: of the page.
        unit: of the amounts; ``share`` prints points.
    """
    height, width = size
    amounts = np.zeros(height * width)
    said = np.full(height * width, "", dtype=object)
    for part in parts:
        for first, length in zip(part.place[::2], part.place[1::2], strict=True):
            amounts[first : first + length] = part.amount
            said[first : first + length] = plain(part.label)
    shown: dict[str, Any] = {"source": picture} if isinstance(picture, str) else {"z": _coloured(picture)}
    figure = go.Figure(go.Image(**shown, hoverinfo="skip"))
    heat = _heat(amounts.reshape(height, width), parts, colours, unit, strongest=0.75)
    heat.update(
        customdata=said.reshape(height, width),
        hovertemplate=f"%{{customdata}}<br><b>{_amount(unit)}</b><extra></extra>",
    )
    figure.add_trace(heat)
    frame(figure, colours, height=360)
    figure.update_xaxes(visible=False, range=[-0.5, width - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[height - 0.5, -0.5], scaleanchor="x", constrain="domain")
    return figure


def _coloured(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return grey pixels in three channels, stretched to what can be seen where they use little of the range."""
    if pixels.ndim == 3:
        return pixels[:, :, :3]
    most = int(pixels.max()) or 1
    grey = (pixels.astype(np.float64) * (255 / most)).astype(np.uint8) if most < 64 else pixels
    return np.repeat(grey[:, :, None], 3, axis=2)


def _heat(amounts: Any, parts: Sequence[Part], colours: Palette, unit: str, *, strongest: float) -> go.Heatmap:
    greatest = _greatest(parts)
    low, high = less(colours), colours.current
    return go.Heatmap(
        z=amounts,
        zmin=-greatest,
        zmax=greatest,
        colorscale=[
            [0, _faint(low, strongest)],
            [0.5, _faint(low, 0.0)],
            [0.5, _faint(high, 0.0)],
            [1, _faint(high, strongest)],
        ],
        colorbar={
            "thickness": 10,
            "outlinewidth": 0,
            "tickfont": {"color": colours.muted, "size": 11},
            "tickformat": "+.2~p" if unit == "share" else None,
            "ticksuffix": f" {unit}" if unit not in ("", "share") else None,
        },
        hovertemplate=f"{_amount(unit)}<extra></extra>",
    )


def _amount(unit: str) -> str:
    """Return how a hover writes an amount."""
    return "%{z:+.1%}" if unit == "share" else f"%{{z:+.3~g}} {plain(unit)}".rstrip()


def strip(parts: Sequence[Part], colours: Palette, channels: Sequence[str] = (), unit: str = "") -> go.Figure:
    """Draw what each stretch of steps contributed, one line for each channel, the first step at the left.

    Args:
        parts: the stretches, with their places.
        colours: of the page.
        channels: what the channels are called; by number where that is not known.
        unit: of the amounts; ``share`` prints points.
    """
    rows = sorted({part.place[2] for part in parts})
    edges = sorted({edge for part in parts for edge in part.place[:2]})
    amounts = np.zeros((len(rows), max(len(edges) - 1, 1)))
    said = np.full(amounts.shape, "", dtype=object)
    for part in parts:
        first, stop, channel = part.place
        row = rows.index(channel)
        for at in range(edges.index(first), edges.index(stop)):
            amounts[row, at], said[row, at] = part.amount, plain(part.label)
    names = [channels[row] if 0 <= row < len(channels) else f"channel {row + 1}" if row >= 0 else "" for row in rows]
    heat = _heat(amounts, parts, colours, unit, strongest=1.0)
    heat.update(
        x=[edge + 0.5 for edge in edges],
        y=list(range(len(rows))),
        xgap=1,
        ygap=2,
        customdata=said,
        hovertemplate=f"%{{customdata}}<br><b>{_amount(unit)}</b><extra></extra>",
    )
    figure = go.Figure(heat)
    frame(figure, colours, height=110 + 34 * len(rows))
    figure.update_xaxes(title_text="Step", nticks=12)
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[plain(name) for name in names], autorange="reversed", ticks=""
    )
    return figure
