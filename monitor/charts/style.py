"""Colours for light and dark pages, and the frame every figure shares.

Contrast of every text and line colour is at least 4.5 against its page (#FFFFFF and #0F1419). Colour never speaks
alone: breaches carry a marker, missing data a hatch, versions a name.
"""

from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

FONT: Final = '"Source Sans", "Source Sans Pro", system-ui, sans-serif'
CONFIG: Final = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset", "responsive": True}


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one page background."""

    page: str
    text: str
    muted: str
    grid: str
    faint: str  # bars of volume, cells without data
    current: str
    reference: str
    reference_fill: str
    estimated: str
    good: str
    warning: str
    critical: str
    versions: tuple[str, ...]
    heat: tuple[tuple[float, str], ...]  # value / threshold → colour; neutral up to the threshold itself


LIGHT: Final = Palette(
    page="#FFFFFF",
    text="#101828",
    muted="#667085",
    grid="#EAECF0",
    faint="#D9DEE7",
    current="#2F6FDE",
    reference="#667085",
    reference_fill="rgba(102,112,133,0.22)",
    estimated="#7A5AF8",
    good="#087A55",
    warning="#9A5B00",
    critical="#B42318",
    versions=("#2F6FDE", "#0B7F89", "#A8327F", "#8A5A2B", "#667085"),
    heat=((0.0, "#EEF1F5"), (1.0, "#EEF1F5"), (1.0, "#F6D9A8"), (2.0, "#EE9B73"), (3.0, "#C43D2F")),
)

DARK: Final = Palette(
    page="#0F1419",
    text="#E6EAF0",
    muted="#98A2B3",
    grid="#232B36",
    faint="#344052",
    current="#5B93F5",
    reference="#98A2B3",
    reference_fill="rgba(152,162,179,0.28)",
    estimated="#A48AFB",
    good="#3CCB9A",
    warning="#F0B35A",
    critical="#F97066",
    versions=("#5B93F5", "#35B6C0", "#E27FC0", "#C9A27A", "#98A2B3"),
    heat=((0.0, "#1D2530"), (1.0, "#1D2530"), (1.0, "#6B4E1C"), (2.0, "#B0622F"), (3.0, "#F97066")),
)


def palette(kind: str | None) -> Palette:
    """Return the palette for a page that is "light" or "dark"; anything else reads light.

    >>> palette("dark").page
    '#0F1419'
    """
    return DARK if kind == "dark" else LIGHT


def plain(text: object) -> str:
    """Make captured text safe in a figure, where ``<b>`` and ``<a href>`` would be obeyed; at most 60 characters.

    >>> plain("<a href='x'>JFK</a>")
    "&lt;a href='x'&gt;JFK&lt;/a&gt;"
    """
    short = str(text)
    short = short if len(short) <= 60 else short[:59] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def frame(figure: go.Figure, colours: Palette, *, height: int, legend: bool = False) -> go.Figure:
    """Give a figure the shared frame: no mode bar, no zoom, quiet grid, page background shining through."""
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "tickcolor": colours.grid,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "tickfont": {"color": colours.muted, "size": 12},
        "title": {"font": {"color": colours.muted, "size": 12}, "standoff": 8},
    }
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 34 if legend else 12, "b": 8},
        font={"family": FONT, "size": 13, "color": colours.text},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
            "font": {"color": colours.text, "size": 12},
            "itemclick": False,
            "itemdoubleclick": False,
        },
        hoverlabel={
            "bgcolor": colours.page,
            "bordercolor": colours.faint,
            "font": {"color": colours.text, "family": FONT, "size": 13},
            "align": "left",
        },
        bargap=0.12,
        dragmode=False,
        hovermode="closest",
    )
    figure.update_xaxes(**axis, showgrid=False)
    figure.update_yaxes(**axis)
    return figure


def note(figure: go.Figure, text: str, colours: Palette) -> go.Figure:
    """Write one quiet sentence in the middle of a figure that has nothing to show."""
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"color": colours.muted, "size": 14}
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
