"""What an owner should know: open and resolved alerts, each with the way to what it is about."""

import streamlit as st

from app.data.detection import history
from app.data.names import measure
from app.data.records import alerts, deliveries, digest_due, target_of
from app.frame import since
from app.incidents import actions, incident
from app.prose import SEVERITY, safe
from app.runtime import runtime
from monitor.alerts.incidents import DETECTOR
from monitor.alerts.judge import RECONCILED
from monitor.alerts.segment import SEGMENT
from monitor.charts import format as fmt
from monitor.types import Alert, AlertState, Severity

_IMPACT = (
    "Impact is how far the shares of values moved, weighted by how much those values matter to the model: in the unit "
    "of attributions, or of scores. It ranks the digest; it is no test. See the guide, Segments, groups and harm."
)
_PAGES = ("feature", "model", "importance")
models = {model.name: model for model in runtime().store.catalog.models()}
titles = {name: model.title for name, model in models.items()}
chosen = st.query_params.get("alert")
only = st.query_params.get("model")
open_ones, over = alerts(only if only in titles else None)
if chosen:  # the one linked to comes first
    open_ones.sort(key=lambda alert: alert.id != chosen)
    over.sort(key=lambda alert: alert.id != chosen)

with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Alerts", anchor=False, width="content")
    if only in titles:
        st.caption(f"of {safe(titles[str(only)])}", width="content")
        st.page_link("views/alerts.py", label="All models")


def told(alert: Alert) -> str:
    """Who was told, and whether it arrived."""
    sent, due = deliveries(alert.id), digest_due(alert.id)
    if not sent and due is None:
        return "not sent anywhere: no channel takes this severity"
    parts = [f"waits for the digest of {fmt.minute(due)} UTC"] if due is not None else []
    for delivery in sent:
        way = f"{delivery.channel} ({delivery.event})"
        if delivery.delivered is not None:
            parts.append(f"{way} delivered {fmt.minute(delivery.delivered)}")
        elif delivery.error:
            parts.append(f"{way} failed after {delivery.attempts} attempts: {delivery.error}")
        else:
            parts.append(f"{way} waiting")
    return "; ".join(parts)


def reason(alert: Alert) -> str:
    """What an incident of the detector rests on, in a line."""
    held = "calibrated" if alert.calibrated else "uncalibrated: its reference has fewer than 30 windows"
    what = (
        "Hard fault"
        if alert.severity is Severity.CRITICAL
        else f"Evidence {fmt.times(alert.value)} times the threshold"
    )
    return f"{what}, {held}"


def show(alert: Alert) -> None:
    """One alert: what happened, how bad, since when, who knows, and the way there."""
    colour, icon, word = SEVERITY[alert.severity]
    known = measure(alert.metric, models[alert.model].schema.target_unit if alert.model in models else "")
    with st.container(border=True, key=f"alert_{alert.id}"):
        text, go = st.columns([6, 1], vertical_alignment="center")
        with text:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type] # one of the allowed ones
                st.badge("Paged" if alert.paged else "In the digest", color="gray")
                if alert.snoozed is not None and alert.state is AlertState.FIRING:
                    st.badge(f"Asleep until {fmt.minute(alert.snoozed)} UTC", icon=":material/snooze:", color="gray")
                if alert.state is AlertState.RESOLVED:
                    st.badge(f"Resolved {fmt.day(alert.resolved)}", icon=":material/check:", color="green")
                st.markdown(f"**{safe(alert.title, 200)}**", width="stretch")
            if alert.rule == DETECTOR:
                bounds = reason(alert)
            elif alert.rule == SEGMENT:
                bounds = f"{fmt.times(alert.value)} times what a segment has to reach to stand out"
            else:
                value, limit = (fmt.with_unit(given, known.unit) for given in (alert.value, alert.threshold))
                bounds = f"{known.title} {value}, threshold {limit}"
            st.markdown(
                f"{safe(bounds, 200)}  \n"
                f"{safe(titles.get(alert.model, alert.model))}, version {safe(alert.version)}, "
                f"window {safe(fmt.span(alert.window.start, alert.window.end))} (UTC)"
            )
            if alert.because:
                impact = "" if alert.impact is None else f" Impact {fmt.effect(alert.impact)}."
                st.markdown(safe(f"{alert.because}{impact}", 260), help=_IMPACT)
            owner = f"owner {alert.owner}" if alert.owner else "no owner"
            for note in history(alert.id):
                by = f" by {note.who}" if note.who else ""
                st.caption(f":material/history: {safe(f'{fmt.minute(note.at)} {note.action}{by}: {note.said}', 300)}")
            st.caption(safe(f"since {fmt.minute(alert.since)} ({since(alert.since)}) · {owner} · {told(alert)}", 400))
        view, there = target_of(alert)
        page = f"views/{view}.py" if view in _PAGES else "views/model.py"
        with go:
            if st.button("Look into it", key=f"go_{alert.id}", width="stretch"):
                st.switch_page(page, query_params=there)
            if alert.rule in RECONCILED and alert.rule != DETECTOR and alert.state is AlertState.FIRING:
                with st.popover("Let it sleep", width="stretch"):
                    actions(alert)
            if alert.id != chosen:
                with st.popover("Message", help="The message as it was sent", width="stretch"):
                    st.text(alert.body)
        if alert.id == chosen:  # who follows a link has read it, or wants to
            with st.expander("The message as it was sent", expanded=True):
                st.text(alert.body)
        if alert.rule == DETECTOR and alert.model in models:
            incident(alert, models[alert.model], opened=alert.id == chosen)


linked_over = any(alert.id == chosen for alert in over)
still, done = st.tabs(
    [f"Open ({len(open_ones)})", f"Resolved ({len(over)})"],
    default=f"Resolved ({len(over)})" if linked_over else None,
    on_change="rerun",
    key="alert_tabs",
)
if still.open:
    with still:
        if not open_ones:
            st.markdown(
                ":material/check_circle: **Nothing is open.** Alerts appear here when a column, the accuracy or "
                "the traffic leaves its bounds."
            )
        for each in open_ones[:50]:
            show(each)
if done.open:
    with done:
        if not over:
            st.caption("No alert has been resolved yet.")
        for each in over[:50]:
            show(each)
