"""One model over a window: what changed, when, and how much it mattered."""

from dataclasses import replace

import streamlit as st

from app.data.fleet import open_alerts
from app.data.kept import kept
from app.data.model import Suspect, doubts, last_traffic, overview
from app.data.names import WORTH, measure, score_title, score_unit
from app.data.totals import totals
from app.dialling import dial_panel
from app.frame import colours, figure, halves, lesson, model_of, place
from app.groups import where_wrong
from app.machines import machines
from app.place import read_moment
from app.prose import SEVERITY, safe
from app.runtime import runtime
from app.trueness import scores_come_true
from monitor.charts import format as fmt
from monitor.charts.heatmap import heatmap
from monitor.charts.lines import over_time, volume
from monitor.charts.style import CONFIG
from monitor.scheduler import CLOSED_AT
from monitor.types import ALL, Window

LOOKED_AT = 3

at = place()
model = model_of(at)
paint = colours()
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

metrics = [
    metric
    for metric, versions in found.accuracy.items()
    if any(versions.values()) or any(given.value is not None for of in found.estimates[metric].values() for given in of)
]
whole = totals(at.model, at.window, at.version, at.segment)
answered = score_title(model.schema)
answers, inputs = halves()
with answers:
    figure("Predictions", fmt.count(found.rows), None, "In this window.")
    first = next((metric for metric in metrics if metric in whole.accuracy), None)
    known = measure(first, model.schema.target_unit) if first else None
    figure(
        known.title if known else "Accuracy",
        fmt.with_unit(whole.accuracy[first], known.unit) if first and known else fmt.MISSING,
        f"{fmt.count(whole.labels)} {'label' if whole.labels == 1 else 'labels'}" if first else "no labels yet",
        "Of all predictions of this window that have a label, taken together; the chart below shows it by day.",
    )
    figure("Labels arrived", fmt.rate(found.coverage), None, "Share of this window's predictions that have a label.")
with inputs:
    figure(
        "Drifted columns now",
        f"{found.drifted} of {found.features}" if found.drifted_in else fmt.MISSING,
        fmt.day(found.drifted_in.start) if found.drifted_in else "not measured",
        "Inputs that are part of an open incident in the newest window that could be judged, in any version."
        if model.settings.dial is not None
        else "Inputs beyond their threshold in the newest window that could be judged, in any version.",
    )
    figure(
        f"Mean {answered[0].lower()}{answered[1:]}",
        fmt.with_unit(found.score_mean, score_unit(model.schema)),
        None,
        "Over all predictions of this window.",
    )
    figure("Latency, p95", fmt.duration(whole.p95), None, "95 % of the answers of this window came faster than this.")


def look(suspect: Suspect) -> None:
    """One column that stands out, told in words, with the way to it."""
    there = at.at(suspect.measurement.window).query(feature=suspect.feature, version=suspect.measurement.version)
    st.page_link(
        "views/feature.py",
        label=f"**{safe(suspect.label)}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=there,
    )
    day = fmt.day(suspect.measurement.window.start)
    st.markdown(safe(suspect.said, 200))
    known = measure(suspect.measurement.metric, model.schema.target_unit)
    value, bound = (fmt.with_unit(v, known.unit) for v in (suspect.measurement.value, suspect.measurement.threshold))
    st.caption(f"worst on {day}: {known.title} {value}, threshold {bound}")


main, aside = st.columns([2, 1], gap="medium")
with main, st.container(border=True, height="stretch"):
    st.subheader("How good were the answers?", anchor=False)
    if metrics:
        titles = {measure(metric).title: metric for metric in metrics}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                "Realised, from labels that arrived (solid), and estimated before they do (dotted, with the "
                "band that holds 9 of 10 realised values); below it how many labels arrived.",
                width="stretch",
            )
            chosen = st.selectbox(
                "Measure", list(titles), key="measure", bind="query-params", label_visibility="collapsed", width=160
            )
        metric = titles[chosen]
        known = measure(metric, model.schema.target_unit)
        if metric == WORTH and model.settings.outcome_values is not None:
            known = replace(known, unit=model.settings.outcome_values.unit)
        series = {f"Version {version}": points for version, points in found.accuracy[metric].items()}
        floor = next(
            (r.threshold for r in model.settings.rules or () if r.metric == metric and r.threshold is not None), None
        )
        st.plotly_chart(
            over_time(
                series,
                paint,
                title=known.title,
                unit=known.unit,
                bars=found.volume,
                threshold=floor,
                higher_is_better=known.better == "higher",
                height=345,
                estimated={f"Version {version}": points for version, points in found.estimates[metric].items()},
            ),
            theme=None,
            config=CONFIG,
            key="accuracy",
            alt=f"{known.title} of each version over the window, realised and estimated, over the number of labels",
        )
        if found.ages:
            ages = " · ".join(f"{fmt.rate(share)} after {age}" for age, share in found.ages.items())
            st.caption(
                f"Labels had come: {ages}. A window is judged once {fmt.rate(CLOSED_AT)} are there, or after "
                f"{model.settings.label_deadline_days} days."
            )
        said = doubts(found.estimates[metric])
        for version, why in said.items():
            st.caption(f":material/help: {f'Version {safe(version)}: ' if len(said) > 1 else ''}{safe(why, 200)}")
    else:
        st.caption("No labels have arrived for this window, so accuracy is not known. Here is its traffic.")
        st.plotly_chart(
            volume(found.volume, paint),
            theme=None,
            config=CONFIG,
            key="traffic",
            alt="Predictions a day in this window",
        )
with aside, st.container(border=True, height="stretch"):
    st.subheader("What to look at first", anchor=False)
    if found.suspects:
        for suspect in found.suspects[:LOOKED_AT]:
            look(suspect)
        more = len(found.suspects) - LOOKED_AT
        if more > 0:
            st.caption(f"and {more} more, marked ◆ below")
    else:
        st.caption("No column went beyond its threshold in this window.")

with st.container(border=True):
    st.subheader("Which columns moved, and when?", anchor=False)
    if found.detector:
        st.caption(
            "Each cell is one column in one window: how much of what raises an alarm has been gathered, over days for "
            "a drift, in one for a fault. ◆ part of an open incident, hatched: no data. Click a cell to see its values."
        )
    else:
        st.caption(
            "Each cell is one column in one window: the worst of its shift and its faults, as a multiple of what "
            "ordinary reference days stay under. ◆ beyond it, hatched: no data. Click a cell to see its values."
        )
    event = st.plotly_chart(
        heatmap(found.cells, paint),
        theme=None,
        config=CONFIG,
        key="cells",
        on_select="rerun",
        selection_mode="points",
        alt="Heat map of drift: columns by days, worst column on top",
    )
    clicked = [point["customdata"] for point in event.selection.points if point.get("customdata")]
    if clicked:
        feature, start, end = (str(part) for part in clicked[0][:3])
        opens, closes = read_moment(start), read_moment(end)
        if opens and closes:
            st.switch_page("views/feature.py", query_params=at.at(Window(opens, closes)).query(feature=feature))

scores_come_true(model, at.window, at.version, at.segment)
where_wrong(model, at.window, at.version)

dial_panel(model)
asked, fast = st.columns(2, gap="medium")
with asked, st.container(border=True):
    st.subheader("How much was asked?", anchor=False)
    st.plotly_chart(
        volume(found.volume, paint), theme=None, config=CONFIG, key="volume", alt="Predictions a day in this window"
    )
with fast, st.container(border=True):
    st.subheader("How fast were the answers?", anchor=False)
    st.plotly_chart(
        over_time(dict(found.latency), paint, title="Latency, ms", unit="ms", height=220, from_zero=True),
        theme=None,
        config=CONFIG,
        key="latency",
        alt="Median, 95th and 99th percentile of latency over the window",
    )
machines(at.model, at.window, found)
