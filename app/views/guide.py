"""The documents for users: how to capture from each server, what alerts mean, what explanations say."""

from pathlib import Path

import streamlit as st

DOCS = Path(__file__).parent.parent / "docs"
# In the order in which a newcomer needs them; the others come after.
FIRST = ("servers", "alarms", "segments_and_harm", "accuracy", "explanations", "models-to-explain")


@st.cache_data
def pages() -> dict[str, tuple[str, str]]:
    """Return title and text of each document, by its name in the address."""
    found = {}
    order = {name: at for at, name in enumerate(FIRST)}
    for file in sorted(DOCS.glob("*.md"), key=lambda file: (order.get(file.stem, len(FIRST)), file.stem)):
        text = file.read_text(encoding="utf-8")
        first, _, rest = text.partition("\n")
        found[file.stem] = (first.lstrip("# ").strip(), rest)
    return found


found = pages()
asked = st.query_params.get("page")
names = list(found)
listed, shown = st.columns([1, 4], gap="large")
with listed:
    chosen = st.radio(
        "Documents",
        names,
        index=names.index(asked) if asked in found else 0,
        format_func=lambda name: found[name][0],
        label_visibility="collapsed",
        key="guide_page",
    )
st.query_params["page"] = chosen
title, text = found[chosen]
with shown:
    st.title(title, anchor=False)
    st.markdown(text)
