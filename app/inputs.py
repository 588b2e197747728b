"""The parts of a prediction's page about its inputs: what it was given, and whether that was ordinary."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.data.rows import values
from app.data.shown import in_words, lines, picture
from app.prose import safe
from monitor.schema.held import ARRAYS
from monitor.types import Model

LONG = 18
"""A table of more lines than these scrolls by itself."""


def what_it_got(model: Model, given: Mapping[str, Any]) -> None:
    """Draw the images and sequences of a captured row; nothing where it has none."""
    drawn = [
        (feature, picture(feature, given), lines(feature, given), in_words(feature, given))
        for feature in model.schema.features
        if feature.kind in ARRAYS and in_words(feature, given)
    ]
    if drawn:
        with st.container(border=True):
            st.subheader("What was it given?", anchor=False)
            for several in range(0, len(drawn), 3):
                for column, (feature, seen, series, words) in zip(
                    st.columns(3), drawn[several : several + 3], strict=False
                ):
                    with column:
                        st.markdown(f"**{safe(feature.label)}**: {safe(words)}")
                        if seen is not None:
                            st.image(seen, width=240)
                        elif series is not None:
                            st.line_chart(series, height=180)


def ordinary(model: Model, given: Mapping[str, Any], importance: Mapping[str, float]) -> None:
    """List every input beside the reference, the most important first; without a reference, the inputs alone."""
    with st.container(border=True):
        listed = values(model, given, importance)
        compared = any(value.place is not None for value in listed)
        table: dict[str, list[object]] = {
            "Input": [value.label for value in listed],
            "Value": [value.shown for value in listed],
        }
        if compared:
            st.subheader("Were its inputs ordinary?", anchor=False)
            st.caption(
                "Each value beside the reference: the middle 90 % of numbers, and where this one lies among them."
            )
            table["Usual in the reference"] = [value.typical for value in listed]
            table["Lies at"] = [value.place for value in listed]
        else:
            st.subheader("Its inputs", anchor=False)
            st.caption("There is nothing to compare with: this version has no reference for these inputs.")
        if compared or any(value.remark for value in listed):
            table["Remark"] = [value.remark for value in listed]
        st.dataframe(
            table,
            hide_index=True,
            height=640 if len(listed) > LONG else "content",
            column_config={
                "Lies at": st.column_config.ProgressColumn(
                    min_value=0,
                    max_value=100,
                    format="%.0f %%",
                    width=150,
                    help="Numbers: share of the reference below this one, and half of those like it. "
                    "Categories: share equal to it.",
                )
            },
            alt="This row's inputs beside the reference",
        )
