"""The part of the operations page about dead letters: what was sent that could not be stored."""

from collections.abc import Mapping

import streamlit as st

from app.data.letters import body_of, kept_until, newest, told_of
from monitor.charts import format as fmt


def dead_letters(titles: Mapping[str, str]) -> None:
    """List the newest dead letters, and show what was sent of the chosen one; nothing where there are none.

    Args:
        titles: of models, by name.
    """
    letters = newest()
    if not letters:
        return
    with st.container(border=True):
        st.subheader("What was sent that could not be stored?", anchor=False)
        st.caption(f"The newest {fmt.count(len(letters))}. Choose a row to see what was sent.")
        chosen = st.dataframe(
            {
                "Received (UTC)": [fmt.minute(letter.received) for letter in letters],
                "Model": [titles.get(letter.model, letter.model) for letter in letters],
                "Id": [letter.id or fmt.MISSING for letter in letters],
                "Reason": [letter.reason.replace("_", " ") for letter in letters],
                "Detail": [letter.detail for letter in letters],
                "Kept until (UTC)": [fmt.minute(kept_until(letter)) for letter in letters],
                "State": ["replayed" if letter.replayed else "waiting" for letter in letters],
            },
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="letters",
            alt="Rows that could not be stored, newest first",
        )
        picked = [letters[row] for row in chosen["selection"]["rows"] if row < len(letters)] or letters[:1]
        with st.expander(f"Dead letter {picked[0].number}: what was sent", expanded=len(letters) == 1):
            st.caption(told_of(picked[0]))
            st.code(body_of(picked[0]), language=None, wrap_lines=True)
