"""Every model at a glance, worst first."""

import streamlit as st

from app.data.fleet import Health, accuracy_text, fleet
from app.frame import lesson, since
from app.prose import STATES, safe
from monitor.charts import format as fmt

found = fleet()
st.title("Fleet")

if not found.rows:
    st.markdown("**No model is watched yet.** Two steps begin it:")
    lesson()
    st.stop()

came = [row.last_event for row in found.rows if row.last_event]
tally = {state: sum(row.state == state for row in found.rows) for state in STATES}
with st.grid(4):
    st.metric("Models", len(found.rows), border=True, height="stretch", help="Registered models.")
    st.metric(
        "Need attention",
        tally["critical"] + tally["warning"],
        delta=f"{tally['critical']} critical, {tally['warning']} warning",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
    )
    st.metric(
        "Predictions, last 14 days",
        fmt.count(sum(row.rows for row in found.rows)),
        delta=f"newest {since(max(came))}" if came else None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
    )
    st.metric(
        "Rows lost in capture",
        fmt.count(found.lost),
        delta=f"{fmt.rate(found.lost / found.received)} of {fmt.count(found.received)}"
        if found.received
        else "nothing received yet",
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help="Rejected or dropped, with the reasons under Operations.",
    )


def quiet(label: str, value: str, note: str, trend: list[float] | None = None) -> None:
    """One figure with a note under it that is neither good nor bad."""
    st.metric(label, value, note, delta_color="off", delta_arrow="off", chart_data=trend, chart_type="bar")


def line(row: Health) -> None:
    """One model: state and reason, what it rests on, and the way in."""
    colour, icon, word = STATES[row.state]
    with st.container(border=True, key=f"fleet_{row.model}"):
        name, quality, drift, traffic, go = st.columns([3.2, 2.4, 1.6, 2.2, 1], vertical_alignment="center")
        with name, st.container(gap="xxsmall"):
            st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type] # colours of app.prose are the allowed ones
            st.markdown(f"**{safe(row.title)}**  \n{safe(row.reason, 160)}")
            number = len(row.versions)
            versions = "no version yet" if not number else "version " if number == 1 else "versions "
            owner = f"owner {safe(row.owner)}" if row.owner else "no owner"
            st.caption(f"{safe(row.model)} · {versions}{safe(', '.join(row.versions))} · {owner}")
        with quality:
            label, value, note = accuracy_text(row.accuracy, row.target_unit)
            quiet(label, value, note)
        with drift:
            if row.drift_day is not None:
                quiet("Drifted columns", f"{row.drifted} of {row.drift_of}", f"on {fmt.day(row.drift_day)}")
            else:
                quiet("Drifted columns", fmt.MISSING, "not measured yet")
        with traffic:
            chart = list(row.traffic) if len(row.traffic) > 1 else None
            unmeasured = "not measured yet" if row.rows else "none yet"
            newest = f"newest {since(row.last_event)}" if row.last_event else unmeasured
            quiet("Predictions, 14 days", fmt.count(row.rows), newest, chart)
        with go:
            if st.button("Open", key=f"open_{row.model}", width="stretch"):
                st.switch_page("views/model.py", query_params={"model": row.model})
            if row.open_alerts:
                word = "alert" if row.open_alerts == 1 else "alerts"
                if st.button(f"{row.open_alerts} {word}", key=f"alerts_{row.model}", width="stretch"):
                    st.switch_page("views/alerts.py", query_params={"model": row.model})


for each in found.rows:
    line(each)
