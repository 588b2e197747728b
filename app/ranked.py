"""The part of a prediction's page about a ranking: its candidates in the order they were given, and their relevance."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.data.ranked import ranking
from monitor.charts import format as fmt
from monitor.types import Model

MOST = 200
"""How many candidates are listed."""


def ranked(model: Model, row: Mapping[str, Any]) -> None:
    """List the candidates by place, with a word on where the places end that accuracy looks at."""
    found = ranking(row)
    with st.container(border=True):
        st.subheader("Which order did it give?", anchor=False)
        if not found:
            st.caption("The row has neither scores nor names of candidates, or not as many of one as of the other.")
            return
        st.caption(
            f"nDCG, precision and recall look at the first {model.schema.cutoff:,} places. Relevance is the grade in "
            "the label; above 0 is relevant."
        )
        listed = found[:MOST]
        st.dataframe(
            {
                "Place": [each.place for each in listed],
                "Candidate": [each.name for each in listed],
                "Score": [fmt.figure(each.score) for each in listed],
                "Relevance": [fmt.value(each.grade) for each in listed],
            },
            hide_index=True,
            height=400 if len(listed) > 10 else "content",
            alt="The candidates of this query, the first first",
        )
        if len(found) > MOST:
            st.caption(f"and {len(found) - MOST:,} more")
