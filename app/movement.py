"""The part of a model's page about what moved: what to look at first, and every column by day."""

import streamlit as st

from app.data.model import Overview
from app.data.movement import Suspect
from app.data.names import EVIDENCE, measure
from app.frame import colours
from app.place import Place, read_moment
from app.prose import safe
from monitor.charts import format as fmt
from monitor.charts.heatmap import heatmap
from monitor.charts.style import CONFIG
from monitor.types import Model, Window

LOOKED_AT = 3
UNCALIBRATED = (
    "Uncalibrated: fewer than 30 windows to compare with, so that false alarms are not held to the dial, and small "
    "changes are not seen."
)


def look_first(at: Place, model: Model, found: Overview) -> None:
    """Name the columns that stand out most, in words, each with the way to it."""
    st.subheader("What to look at first", anchor=False)
    if not found.suspects:
        st.caption("No column went beyond its threshold in this window.")
    if found.uncalibrated:
        st.caption(f":material/info: {UNCALIBRATED}")
    for suspect in found.suspects[:LOOKED_AT]:
        _look(at, model, suspect)
    more = len(found.suspects) - LOOKED_AT
    if more > 0:
        st.caption(f"and {more} more, marked ◆ below")


def _look(at: Place, model: Model, suspect: Suspect) -> None:
    given = suspect.measurement
    there = at.at(given.window).query(feature=suspect.feature, version=given.version)
    st.page_link(
        "views/feature.py",
        label=f"**{safe(suspect.label)}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=there,
    )
    st.markdown(safe(suspect.said, 200))
    day = fmt.day(given.window.start)
    if given.metric == EVIDENCE:
        st.caption(f"strongest on {day}: {suspect.ratio:.1f} times what raises an alarm")
        return
    known = measure(given.metric, model.schema.target_unit)
    value, bound = (fmt.with_unit(each, known.unit) for each in (given.value, given.threshold))
    st.caption(f"worst on {day}: {known.title} {value}, threshold {bound}")


def by_day(at: Place, found: Overview) -> None:
    """Draw columns by days; a click on a cell opens the column on that day."""
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
        heatmap(found.cells, colours()),
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
