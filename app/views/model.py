"""One model over a window: what changed, when, and how much it mattered."""

import streamlit as st

from app.accuracy import how_good, measured
from app.data.fleet import open_alerts
from app.data.kept import kept
from app.data.model import last_traffic, overview
from app.data.names import measure, score_title, score_unit
from app.data.reliability import trueness
from app.data.totals import totals
from app.dialling import dial_panel
from app.frame import figure, lesson, model_of, pairs, place
from app.groups import harm, where_wrong
from app.machines import machines
from app.movement import by_day, look_first
from app.prose import SEVERITY, safe
from app.runtime import runtime
from app.traffic import traffic
from app.trueness import scores_come_true
from monitor.charts import format as fmt
from monitor.types import ALL, Task

PARTS = ["Overview", "Where it is wrong", "Scores", "Traffic", "Alarms"]
"""The sections of the page, one at a time; only the one that is looked at is read and drawn."""

at = place()
model = model_of(at)
found = overview(at.model, at.window, at.version, at.segment)
alerts = open_alerts(at.model)

with st.container(horizontal=True, vertical_alignment="center"):
    st.title(safe(model.title), width="content", anchor=False)
    if alerts:
        colour, icon, word = SEVERITY[alerts[0].severity]
        st.badge(f"{len(alerts)} open", icon=icon, color=colour)  # type: ignore[arg-type] # one of the allowed ones
        st.page_link("views/alerts.py", label="See alerts", query_params={"model": at.model})
if model.settings.description:
    st.caption(safe(model.settings.description, 300))
sampled = kept(model, at.window, at.version)
if sampled:
    st.caption(f":material/filter_alt: {sampled}")


def nothing() -> None:
    """Say why there is nothing to show, and what to do about it."""
    here = runtime().store.thinning.counts(at.model, at.window, at.version).stored
    last = last_traffic(at.model)
    if here:
        hours = model.settings.window_hours
        st.markdown(
            f"**{fmt.count(here)} {'prediction has' if here == 1 else 'predictions have'} come, and none is measured "
            f"yet.** Measures are taken of every {hours} hours once they are over."
        )
        st.page_link("views/predictions.py", label="See them", icon=":material/table_rows:", query_params=at.query())
    elif last is not None:
        of = " of what is chosen above" if at.version or at.segment != ALL else ""
        st.markdown(f"**No prediction{of} came in this window.** The newest came on {fmt.day(last.start)}.")
        if st.button("Show that day", icon=":material/event:", key="that_day"):
            st.switch_page("views/model.py", query_params=at.at(last).query())
    else:
        st.markdown("**No prediction has come yet.** Three lines in the code that serves this model begin it:")
        lesson(at.model)


if not found.rows or found.volume is None:
    nothing()
    machines(at.model, at.window, found)
    st.stop()

metrics = measured(found)
whole = totals(at.model, at.window, at.version, at.segment)
answered = score_title(model.schema)
asked, inputs, answers = pairs()
with asked:
    figure("Predictions", fmt.count(found.rows), None, "In this window.")
    first = next((metric for metric in metrics if metric in whole.accuracy), None)
    known = measure(first, model.schema.target_unit) if first else None
    figure(
        known.title if known else "Accuracy",
        fmt.with_unit(whole.accuracy[first], known.unit) if first and known else fmt.MISSING,
        f"{fmt.count(whole.labels)} {'label' if whole.labels == 1 else 'labels'}" if first else "no labels yet",
        "Of all predictions of this window that have a label, taken together; the chart below shows it by day.",
    )
with inputs:
    figure("Labels arrived", fmt.rate(found.coverage), None, "Share of this window's predictions that have a label.")
    figure(
        "Drifted columns now",
        f"{found.drifted} of {found.features}" if found.drifted_in else fmt.MISSING,
        fmt.day(found.drifted_in.start) if found.drifted_in else "not measured",
        "Inputs that are part of an open incident in the newest window that could be judged, in any version."
        if model.settings.dial is not None
        else "Inputs beyond their threshold in the newest window that could be judged, in any version.",
    )
with answers:
    figure(
        f"Mean {answered[0].lower()}{answered[1:]}",
        fmt.with_unit(found.score_mean, score_unit(model.schema)),
        None,
        "Over all predictions of this window.",
    )
    half = f"median {fmt.duration(whole.p50)}" if whole.p50 is not None else None
    figure("Latency, p95", fmt.duration(whole.p95), half, "95 % of the answers of this window came faster than this.")


part = st.segmented_control(
    "Part", PARTS, default=PARTS[0], required=True, key="part", bind="query-params", label_visibility="collapsed"
)
if part == "Where it is wrong":
    where_wrong(model, at.window, at.version)
elif part == "Scores":
    if trueness(model.name, at.window, at.version, at.segment) is None:
        st.caption(
            "No label of this window has come for a prediction with a probability, so nothing says it yet."
            if model.schema.task in (Task.BINARY, Task.MULTICLASS)
            else "No label of this window has come, so nothing says whether the labels that come are typical."
        )
    scores_come_true(model, at.window, at.version, at.segment)
elif part == "Traffic":
    traffic(model, at.window, found)
elif part == "Alarms":
    dial_panel(model)
else:
    main, aside = st.columns([2, 1], gap="medium")
    with main, st.container(border=True, height="stretch"):
        how_good(at, model, found, metrics)
    with aside, st.container(border=True, height="stretch"):
        look_first(at, model, found)
        harm(model.name, at.window, at.version)
    with st.container(border=True):
        by_day(at, found)
