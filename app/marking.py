"""The parts of texts, images and sequences of one row, drawn where they are."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from app.data.shown import picture
from app.prose import safe
from monitor.charts.parts import overlay, strip, words
from monitor.charts.style import CONFIG, Palette
from monitor.types import Explanation, Feature, Kind, ModelSchema

READ = "Blue makes the answer more, red-brown less; the stronger the colour, the more."


def mark(found: Explanation, schema: ModelSchema, given: Mapping[str, Any], paint: Palette, unit: str = "") -> None:
    """Draw every text, image and sequence of a row with what its parts contributed; nothing where there are none.

    Args:
        found: the explanation.
        schema: of the model.
        given: the captured row.
        paint: the page's colours.
        unit: of the answer.
    """
    drawn = [feature for feature in schema.features if any(part.feature == feature.name for part in found.parts)]
    for feature in drawn:
        st.markdown(f"**{safe(feature.label)}**")
        _draw(feature, found, given, paint, unit)
    if drawn:
        st.caption(f"{READ} What is left out: {safe(found.quality.get('absent') or 'nothing', 200)}.")


def _draw(feature: Feature, found: Explanation, given: Mapping[str, Any], paint: Palette, unit: str) -> None:
    parts = [part for part in found.parts if part.feature == feature.name]
    alt = f"{feature.label}: what each part contributed"
    if feature.kind is Kind.TEXT and isinstance(given.get(feature.name), str):
        st.html(words(given[feature.name], parts, paint, unit))
        return
    chart = None
    if feature.kind is Kind.SEQUENCE:
        chart = strip(parts, paint, unit=unit)
    elif feature.kind is Kind.IMAGE:
        shown = picture(feature, given)
        if isinstance(shown, np.ndarray):
            chart = overlay(shown, (shown.shape[0], shown.shape[1]), parts, paint, unit)
        elif shown is not None:
            chart = overlay(_address(shown), _size(shown), parts, paint, unit)
    if chart is not None:
        st.plotly_chart(chart, theme=None, config=CONFIG, key=f"parts_{found.method}_{feature.name}", alt=alt)


def _size(encoded: bytes) -> tuple[int, int]:
    """Return height and width of an encoded picture, of which only the head is read."""
    from PIL import Image

    with Image.open(io.BytesIO(encoded)) as image:
        return image.height, image.width


def _address(encoded: bytes) -> str:
    kind = "png" if encoded.startswith(b"\x89PNG") else "gif" if encoded.startswith(b"GIF8") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
