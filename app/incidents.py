"""One incident of the detector on the alerts page: its evidence over time, its columns, and what its owner can do."""

from collections.abc import Callable

import streamlit as st

from app.data.detection import events, evidence, rebaseline, snooze
from app.data.names import column
from app.frame import colours
from app.prose import safe
from monitor.alerts.incidents import DETECTOR
from monitor.alerts.link import moment
from monitor.charts import format as fmt
from monitor.charts.lines import over_time
from monitor.charts.style import CONFIG, plain
from monitor.errors import WatchglassError
from monitor.types import Alert, AlertState, Model

SNOOZES = (7, 30, 90)
_LINKS = 6


def incident(alert: Alert, model: Model, *, opened: bool) -> None:
    """Draw what belongs to one incident beside its message."""
    shown = st.expander("Evidence, columns and actions", expanded=opened, on_change="rerun", key=f"about_{alert.id}")
    if not shown.open:
        return
    with shown:
        _links(alert, model)
        _chart(alert, model)
        if alert.state is AlertState.FIRING:
            actions(alert)


def _links(alert: Alert, model: Model) -> None:
    about = {
        "model": alert.model,
        "version": alert.version,
        "start": moment(alert.window.start),
        "end": moment(alert.window.end),
    }
    with st.container(horizontal=True, gap="small"):
        for name in alert.columns[:_LINKS]:
            label = column(model.schema, name).label
            there = {**about, "feature": name}
            st.page_link("views/feature.py", label=safe(label), icon=":material/insert_chart:", query_params=there)
        if len(alert.columns) > _LINKS:
            st.caption(f"and {len(alert.columns) - _LINKS} more")
        st.page_link(
            "views/predictions.py", label="Rows of that window", icon=":material/table_rows:", query_params=about
        )


def _chart(alert: Alert, model: Model) -> None:
    series = evidence(model, alert)
    if not series:
        st.caption("No evidence is kept of that time.")
        return
    st.caption("How much of what raises an alarm each column has gathered, by its logarithm; 100 % is the threshold.")
    figure = over_time(
        dict(series),
        colours(),
        title="Evidence",
        unit="share",
        threshold=1.0,
        height=280,
        from_zero=True,
        highlight=alert.window,
    )
    starts = [given.window.start for points in series.values() for given in points]
    for event in events(model, min(starts), max(starts)):
        figure.add_vrect(
            x0=event.first.isoformat(),
            x1=event.until.isoformat(),
            fillcolor=colours().muted,
            opacity=0.15,
            line_width=0,
            annotation_text=plain(event.name),
            annotation_position="top left",
        )
    st.plotly_chart(
        figure,
        theme=None,
        config=CONFIG,
        key=f"evidence_{alert.id}",
        alt="Evidence of each column of the incident over time, against the threshold",
    )


def actions(alert: Alert) -> None:
    """Draw what its owner can do about an open alert that a detector raised."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        days = st.selectbox(
            "Sleep for", SNOOZES, format_func=lambda value: f"{value} days", key=f"days_{alert.id}", width=140
        )
        if st.button("Snooze", icon=":material/snooze:", key=f"snooze_{alert.id}", help=_SNOOZE):
            _done(lambda: snooze(alert, days), f"Asleep for {days} days.")
        if alert.rule == DETECTOR and st.button(
            "Re-baseline", icon=":material/restart_alt:", key=f"rebase_{alert.id}", help=_REBASE
        ):
            _done(lambda: rebaseline(alert), f"Closed: compared with the traffic since {fmt.day(alert.since)}.")


_SNOOZE = "It stays open and silent until then, and is over then. What is still so after it begins a new alert."
_REBASE = (
    "This is the new normal: its columns are compared with their own traffic since the incident began. Until that is "
    "30 windows long the detector is not calibrated. Other columns keep their reference."
)


def _done(act: Callable[[], None], said: str) -> None:
    try:
        act()
    except WatchglassError as error:
        st.error(safe(str(error), 300))
        return
    st.toast(said)
    st.rerun()
