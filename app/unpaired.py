"""The part of the operations page about halves of exchanges whose other side has not come."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.data.halves import orphan_minutes, orphans, settled
from app.data.records import WAYS
from monitor.charts import format as fmt
from monitor.store import HalfCount


def unpaired_halves(counts: Sequence[HalfCount], titles: Mapping[str, str]) -> None:
    """List what became of halves by model, source and side, and the newest of those that stay alone.

    Args:
        counts: of every model and source whose logger sends halves.
        titles: of models, by name.
    """
    with st.container(border=True):
        st.subheader("Unpaired halves", anchor=False)
        st.caption(
            "Loggers of model servers send requests and answers apart; a prediction is stored when both are there. A "
            f"half alone for {orphan_minutes():g} minutes is an orphan: mostly a request that failed."
        )
        st.dataframe(
            {
                "Model": [titles.get(count.model, count.model) for count in counts],
                "Source": [WAYS.get(count.source, count.source) for count in counts],
                "Side": [count.side.capitalize() for count in counts],
                "Received": [count.fates.get("received", 0) for count in counts],
                "Waiting": [count.waiting for count in counts],
                "Orphans": [count.orphan for count in counts],
                "Contradicting": [count.mismatched for count in counts],
                "Oldest (UTC)": [fmt.minute(count.oldest) for count in counts],
                "The others": [settled(count) or fmt.MISSING for count in counts],
                "Adds up": ["yes" if count.adds_up else "no" for count in counts],
            },
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="localized")
                for name in ("Received", "Waiting", "Orphans", "Contradicting")
            },
            alt="Halves of exchanges by model, source and side, by what became of them",
        )
        newest_alone = orphans() if any(count.orphan or count.mismatched for count in counts) else []
        if newest_alone:
            with st.expander(f"The newest {fmt.count(len(newest_alone))} orphans"):
                st.dataframe(
                    {
                        "Received (UTC)": [fmt.minute(half.received) for half in newest_alone],
                        "Model": [titles.get(half.model, half.model) for half in newest_alone],
                        "Exchange": [half.exchange for half in newest_alone],
                        "Side": [half.side.capitalize() for half in newest_alone],
                        "Rows": [half.rows for half in newest_alone],
                        "Why": [half.note or "the other side has not come" for half in newest_alone],
                    },
                    hide_index=True,
                    alt="Halves that are orphans or contradict their other side, newest first",
                )
