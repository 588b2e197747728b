"""The part of a model's page about harm: whether there is any, in which segments it is wrong, and protected groups."""

import pandas as pd
import streamlit as st

from app.data.groups import Standing, standing
from app.data.rows import PRESETS
from app.place import stamp
from app.prose import safe
from monitor.charts import format as fmt
from monitor.types import Measurement, Model, Status, Task, Window

_METRICS = {
    "fairness.statistical_parity": "Statistical parity difference",
    "fairness.disparate_impact": "Disparate impact ratio",
    "fairness.equal_opportunity": "Equal opportunity difference",
}


def where_wrong(model: Model, window: Window, version: str | None) -> None:
    """Segments that stand out, then protected groups."""
    found = standing(model.name, window, version)
    with st.container(border=True):
        st.subheader("Where is it wrong?", anchor=False)
        _segments(model, found)
    if found.groups:
        with st.container(border=True):
            st.subheader("Are groups treated alike?", anchor=False)
            _groups(model, found.groups)


def harm(name: str, window: Window, version: str | None) -> None:
    """Say whether labels show a loss beyond what is tolerated; nothing where neither labels nor a bound are there."""
    found = standing(name, window, version).harm
    if found is not None:
        st.subheader("Does it do harm?", anchor=False)
        _harm(found)


def _segments(model: Model, found: Standing) -> None:
    if model.schema.task is Task.RANKING:
        st.caption(
            "Segments of a ranking are not searched. Name inputs in the model's `segments`, and its accuracy is "
            "measured for each of their values: choose one above."
        )
        return
    st.caption("Every range and category of every input, by its labels, each held against its own past.")
    if found.scanned is None:
        st.caption("Not judged: no label has come for this window.")
        return
    for hit in found.hits:
        st.markdown(
            f":material/error: **{fmt.day(hit.window.start)}** — {safe(hit.details.get('said', ''), 240)}"
            + (f" Most of it where {safe(hit.details['within'])}." if hit.details.get("within") else "")
        )
        _ways(model, hit)
        if hit.details.get("others"):
            st.caption(f"Also beyond the threshold, often the same rows: {safe(hit.details['others'], 200)}")
    if found.more:
        st.caption(f"and {found.more:,} more before; choose a shorter window above to read of them.")
    if found.improved and not found.hits:
        st.markdown(":material/check_circle: No segment became worse in this window.")
    for hit in found.improved:
        said = safe(hit.details.get("said", ""), 240)
        st.caption(f":material/trending_up: Not worse but better, {fmt.day(hit.window.start)} — {said}")
    scanned = found.scanned
    if found.hits or found.improved:
        return
    if scanned.value is None:
        st.caption(f"Not judged: {safe(scanned.details.get('reason', ''), 200)}.")
        return
    st.markdown(":material/check_circle: No segment stands out in this window.")
    st.caption(
        f"Nearest on {fmt.day(scanned.window.start)}: {safe(scanned.details.get('name', ''))}, "
        f"at {scanned.value:.0%} of the threshold."
    )


def _ways(model: Model, hit: Measurement) -> None:
    """Lead to the rows of the windows that were taken together, the most wrong first, and to the column."""
    pooled = max(int(str(hit.details.get("pooled") or 1)), 1)
    there = {
        "model": model.name,
        "version": hit.version,
        "start": stamp(hit.window.end - pooled * (hit.window.end - hit.window.start)),
        "end": stamp(hit.window.end),
    }
    wrong = "Most wrong" in PRESETS[model.schema.task]
    with st.container(horizontal=True, gap="small"):
        st.page_link(
            "views/predictions.py",
            label="Rows of that time, most wrong first" if wrong else "Rows of that time",
            icon=":material/table_rows:",
            query_params=there | ({"order": "Most wrong"} if wrong else {}),
        )
        feature = model.schema.feature(str(hit.details.get("feature")))
        if feature is not None:
            at = {**there, "feature": feature.name}
            st.page_link("views/feature.py", label=safe(feature.label), icon=":material/insert_chart:", query_params=at)


def _harm(harm: Measurement) -> None:
    if harm.threshold is None:
        st.caption("Not judged: neither the reference nor this window has labels enough.")
        return
    accuracy, gain = (harm.details.get("metric") in metrics for metrics in (("accuracy",), ("accuracy", "ndcg")))
    shown = (lambda loss: fmt.rate(1 - loss) if accuracy else fmt.figure(1 - loss)) if gain else fmt.figure
    name = "Accuracy" if accuracy else "nDCG" if gain else "Loss"
    side = "at least" if gain else "at most"
    breach = harm.status is Status.BREACH
    icon, said = (":material/error:", "Harm is known") if breach else (":material/check_circle:", "No harm is known")
    st.markdown(f"{icon} **{said}** as of {fmt.day(harm.window.start)}.")
    st.caption(
        f"{name} {shown(harm.value or 0.0)} over {fmt.count(harm.rows)} labels; tolerated is {side} "
        f"{shown(harm.threshold)}."
    )
    if harm.details.get("said"):
        st.caption(safe(harm.details["said"], 300))


def _groups(model: Model, found: tuple[Measurement, ...]) -> None:
    against = {each.feature: str(each.details.get("compared_with", "")) for each in found}
    st.caption(
        "Each group beside the largest one of the reference, newest judged day, with 95 % intervals. A ratio below 0.8 "
        "(or above 1.25) is where the four-fifths rule begins to ask questions; it is a line to look at, no verdict, "
        "and nothing here says that a law is kept."
    )
    rows = [
        {
            "Group": str(each.details.get("group", each.segment)),
            "Beside": against[each.feature],
            "Figure": _METRICS.get(each.metric, each.metric),
            "Value": _value(each),
            "95 % interval": _interval(each),
            "Rows": each.rows,
            "In words": str(each.details.get("said", each.details.get("reason", ""))),
        }
        for each in found
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"groups_{model.name}")


def _value(each: Measurement) -> str:
    if each.value is None:
        return fmt.MISSING
    return f"{each.value:.2f}" if each.metric == "fairness.disparate_impact" else fmt.points(each.value)


def _interval(each: Measurement) -> str:
    if each.interval is None:
        return ""
    low, high = each.interval
    if each.metric == "fairness.disparate_impact":
        return f"{low:.2f} to {high:.2f}"
    return f"{fmt.points(low)} to {fmt.points(high)}"
