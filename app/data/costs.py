"""What explaining a window would take, in words, and where the rows are that explanations compared with."""

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from app.explained import titled
from app.prose import safe
from app.runtime import runtime
from explain.background import OF_REFERENCE
from explain.cost import WindowCost
from explain.windows import WindowAsked
from monitor.charts import format as fmt
from monitor.errors import WatchglassError
from monitor.types import Explanation

MOST_LINKS = 3
"""So many backgrounds are linked at most: one, unless references or versions changed meanwhile."""


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def cost_in_words(asked: WindowAsked) -> str:
    """Say what explaining a window would take, or why it cannot be done; nothing is asked of the model."""
    try:
        return _said(runtime().explain.windows.cost(asked))
    except WatchglassError as error:
        return f":material/info: {safe(error, 400)}"


def _said(cost: WindowCost) -> str:
    if cost.one.cached:
        return ":material/check_circle: These rows have all been explained; nothing is asked again."
    rows = "1 row" if cost.explanations == 1 else f"{cost.explanations:,} rows"
    said = (
        f"{rows} by {safe(titled(cost.one.method))} take at most {fmt.count(cost.rows)} answers "
        f"({fmt.count(cost.one.rows)} each); those explained before take none."
    )
    if not cost.requests:
        return f":material/payments: {said} The registered model file is asked, here."
    return (
        f":material/warning: {said} The served endpoint is asked, in {cost.requests:,} requests, "
        f"{cost.one.concurrency} at a time."
    )


def backgrounds(found: Sequence[Explanation]) -> list[tuple[str, str]]:
    """Return where the rows came from that explanations compared with, and the address at which they are kept.

    The newest explanation's first; rows that were captured are not kept.
    """
    known: dict[str, str] = {}
    for each in reversed(found):
        source = str(each.quality.get("background_source") or "")
        if source.startswith(OF_REFERENCE):
            known.setdefault(f"/v1/models/{quote(each.model, safe='')}/backgrounds/{each.background_hash}", source)
    base = runtime().config.base_url.rstrip("/")
    return [(source, base + path) for path, source in known.items()][:MOST_LINKS]
