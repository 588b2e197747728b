"""One model over a window: what changed, when, and how much it mattered."""

import streamlit as st

from app.data.fleet import open_alerts
from app.data.model import Suspect, latest_first, overview
from app.data.names import measure, score_title, score_unit
from app.frame import colours, model_of, place
from app.place import read_moment
from app.prose import CAPTURE_SNIPPET, SEVERITY, safe
from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.charts.heatmap import heatmap
from monitor.charts.lines import over_time, volume
from monitor.charts.style import CONFIG
from monitor.types import Window

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

if found.volume is None:
    st.markdown("**Nothing has been measured in this window.** Choose a longer one above, or begin capture:")
    st.code(CAPTURE_SNIPPET.format(url=runtime().config.base_url, model=at.model), language="python")
    st.stop()

metrics = [metric for metric, versions in found.accuracy.items() if any(versions.values())]
newest = next(
    (given for metric in metrics[:1] for given in latest_first(found.accuracy[metric])),
    None,
)
with st.grid(6, min_column_width=150):
    st.metric("Predictions", fmt.count(found.rows), border=True, height="stretch")
    if newest is None:
        st.metric("Accuracy", fmt.MISSING, border=True, height="stretch", help="No labels have arrived in this window.")
    else:
        known = measure(newest.metric)
        st.metric(
            known.title, fmt.with_unit(newest.value, known.unit), border=True, height="stretch", help="Newest day."
        )
    st.metric("Labels arrived", fmt.rate(found.coverage), border=True, height="stretch")
    st.metric(
        "Drifted columns", f"{found.drifted} of {found.features}", border=True, height="stretch", help="Newest day."
    )
    st.metric(
        f"Mean {score_title(model.schema)[0].lower()}{score_title(model.schema)[1:]}",
        fmt.with_unit(found.score_mean, score_unit(model.schema)),
        border=True,
        height="stretch",
    )
    st.metric("Latency, p95", fmt.duration(found.p95), border=True, height="stretch", help="Newest day.")


def look(suspect: Suspect, index: int) -> None:
    """One column that stands out, told in words, with the way to it."""
    text, go = st.columns([5, 1], vertical_alignment="center")
    day = fmt.day(suspect.measurement.window.start)
    text.markdown(f"**{safe(suspect.label)}**  \n{safe(suspect.said, 200)}")
    known = measure(suspect.measurement.metric)
    value, bound = (fmt.with_unit(v, known.unit) for v in (suspect.measurement.value, suspect.measurement.threshold))
    text.caption(f"worst on {day}: {known.title} {value}, threshold {bound}")
    if go.button("Look", key=f"look_{index}", width="stretch"):
        there = at.at(suspect.measurement.window).query(feature=suspect.feature, version=suspect.measurement.version)
        st.switch_page("views/feature.py", query_params=there)


main, aside = st.columns([2, 1], gap="medium")
with main, st.container(border=True):
    st.subheader("How good were the answers?", anchor=False)
    if metrics:
        titles = {measure(metric).title: metric for metric in metrics}
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                "Realised accuracy by version, from labels that arrived; below it how many did.", width="stretch"
            )
            chosen = st.selectbox(
                "Measure", list(titles), key="measure", bind="query-params", label_visibility="collapsed", width=160
            )
        metric = titles[chosen]
        known = measure(metric)
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
                height=330,
            ),
            theme=None,
            config=CONFIG,
            key="accuracy",
            alt=f"{known.title} of each version over the window, over the number of predictions with a label",
        )
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
        for index, suspect in enumerate(found.suspects[:4]):
            look(suspect, index)
    else:
        st.caption("No column went beyond its threshold in this window.")

with st.container(border=True):
    st.subheader("Which columns moved, and when?", anchor=False)
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
        first, last = read_moment(start), read_moment(end)
        if first and last:
            st.switch_page("views/feature.py", query_params=at.at(Window(first, last)).query(feature=feature))

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
        alt="Median and 95th percentile of latency over the window",
    )
