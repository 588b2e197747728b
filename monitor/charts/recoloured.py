"""The same figure for a page of another background: plotly takes long to build one, and only colours are others."""

import re
from dataclasses import fields
from functools import lru_cache
from typing import Final

from monitor.charts.style import Palette

_CLEAR: Final = re.compile(r"rgba\((\d+),(\d+),(\d+),(.+)\)")


def recoloured(figure: object, before: Palette, after: Palette) -> object:
    """Return a figure as plotly's JSON in the colours of another palette.

    Args:
        figure: parsed JSON, drawn in the colours of ``before``.
        before: whose colours it has; others, and texts that read like colours, stay as they are.
        after: whose colours it gets.

    >>> from monitor.charts.style import DARK, LIGHT
    >>> recoloured({"text": "#101828", "font": {"color": "#101828"}}, LIGHT, DARK)
    {'text': '#101828', 'font': {'color': '#E6EAF0'}}
    """
    return _walked(figure, counterparts(before, after), colours=False)


@lru_cache
def counterparts(before: Palette, after: Palette) -> dict[str, str]:
    """Return by each colour of a palette the one that stands in its place in another.

    Raises:
        ValueError: a colour has two parts to play in one palette and they are told apart in the other.
    """
    found: dict[str, str] = {}
    for field in fields(Palette):
        pairs = zip(_colours(getattr(before, field.name)), _colours(getattr(after, field.name)), strict=True)
        for old, new in pairs:
            if found.setdefault(old, new) != new:
                raise ValueError(f"{old} would be both {found[old]} and {new}; give {field.name} a colour of its own")
    return found


def _colours(held: object) -> list[str]:
    if isinstance(held, str):
        return [held]
    return [colour for each in held for colour in _colours(each)] if isinstance(held, tuple) else []


def _walked(part: object, known: dict[str, str], *, colours: bool) -> object:
    if isinstance(part, dict):
        return {name: _walked(held, known, colours=colours or "color" in name) for name, held in part.items()}
    if isinstance(part, list):
        return [_walked(held, known, colours=colours) for held in part]
    return _colour(part, known) if colours and isinstance(part, str) else part


def _colour(old: str, known: dict[str, str]) -> str:
    """Return a colour's counterpart, also of one that lets a part of the page through."""
    clear = _CLEAR.fullmatch(old)
    if old in known or clear is None:
        return known.get(old, old)
    new = known.get("#" + "".join(f"{int(each):02X}" for each in clear.groups()[:3]))
    if new is None:
        return old
    red, green, blue = (int(new[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{clear[4]})"
