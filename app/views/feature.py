"""One column: its values now beside the reference, and how far it moved over time."""

import streamlit as st

from app.data.detection import incident_of
from app.data.feature import Side, features_of, measurable, reading, worst_feature
from app.data.names import EVIDENCE, column, measure
from app.frame import colours, model_of, pick, place, read_address, write_address
from app.prose import safe
from monitor.charts import format as fmt
from monitor.charts.categories import OTHER, UNSEEN, categories
from monitor.charts.distribution import numeric
from monitor.charts.lines import over_time
from monitor.charts.style import CONFIG
from monitor.types import Kind

at = place()
model = model_of(at)
paint = colours()
names = features_of(model)
chosen = read_address().get("feature", "")
if chosen not in names:
    chosen = worst_feature(at.model, at.window, at.version) or names[0]
titles = {name: column(model.schema, name).label for name in names}
place_in = names.index(chosen)

with st.container(horizontal=True, vertical_alignment="bottom"):
    if st.button("Previous", icon=":material/chevron_left:", key="before", disabled=place_in == 0):
        write_address({"feature": names[place_in - 1]})
        st.rerun()
    pick("Column", "feature", names, chosen, titles)
    if st.button("Next", icon=":material/chevron_right:", key="after", disabled=place_in == len(names) - 1):
        write_address({"feature": names[place_in + 1]})
        st.rerun()
    there = at.query(feature=None)
    st.page_link("views/predictions.py", label="Rows of this window", icon=":material/table_rows:", query_params=there)
    st.page_link("views/model.py", label="Back to the model", icon=":material/monitoring:", query_params=there)

found = reading(at.model, chosen, at.window, at.version, at.segment)
feature = found.feature
unit = feature.unit
st.title(safe(feature.label), anchor=False)
about = [
    feature.name if feature.name != feature.label and not feature.name.startswith("_") else "",
    feature.kind.value,
    f"unit: {unit}" if unit and unit != "share" else "",
    feature.description,
]
st.caption(safe(" · ".join(part for part in about if part), 300))


def change(now: float | None, before: float | None) -> str | None:
    """A change in points beside the reference, or nothing to compare with."""
    return None if now is None or before in (None, 1.0) else f"{fmt.points(now - before)} vs reference"


def tiles(now: Side, before: Side | None) -> None:
    """How the column stands in this window."""
    with st.grid(5, min_column_width=150):
        st.metric("Rows", fmt.count(now.rows), border=True, height="stretch")
        st.metric(
            "Missing",
            fmt.rate(now.missing),
            change(now.missing, before.missing if before else None),
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
        outside = "Never seen before" if now.categories is not None else "Out of range"
        st.metric(
            outside, fmt.rate(now.outside), border=True, height="stretch", help="Compared with the reference's values."
        )
        if now.categories is None:
            shift = None
            if before is not None and before.std > 0:
                shift = f"{fmt.signed((now.mean - before.mean) / before.std)} sd vs {fmt.with_unit(before.mean, unit)}"
            st.metric(
                "Mean",
                fmt.with_unit(now.mean, unit),
                shift,
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
            )
            st.metric("Standard deviation", fmt.with_unit(now.std, unit), border=True, height="stretch")
        else:
            named = [name for name in now.categories if name not in (OTHER, UNSEEN)]
            frequent = max(named, key=lambda name: (now.categories or {})[name], default=fmt.MISSING)
            more = "+" if OTHER in now.categories else ""
            st.metric("Categories", f"{len(named)}{more}", border=True, height="stretch")
            st.metric("Most frequent", safe(frequent, 24), border=True, height="stretch")


if found.current is None and not measurable(at.model):
    st.markdown("**Nothing is measured yet.** Columns are, once the first day of predictions is over.")
    st.stop()
if found.current is None:
    st.markdown("**No rows of this column in this window.** Choose a longer window above.")
else:
    tiles(found.current, found.reference)

alert = incident_of(at.model, chosen, at.version)
if found.why or alert is not None:
    with st.container(border=True):
        st.subheader("Why is it flagged?", anchor=False)
        for sentence in found.why:
            st.markdown(f":material/error: {safe(sentence, 240)}")
        if alert is not None:
            st.page_link(
                "views/alerts.py",
                label=f"Alert open since {fmt.day(alert.since)}: message, snooze, re-baseline",
                icon=":material/notifications:",
                query_params={"alert": alert.id},
            )
elif found.judged:
    st.caption(":material/check_circle: Nothing about this column is beyond its threshold in this window.")

left, right = st.columns(2, gap="medium")
with left, st.container(border=True, height="stretch"):
    st.subheader("Do its values look as they used to?", anchor=False)
    reference = found.reference
    if found.current is None:
        st.caption("There is nothing to compare in this window.")
    elif found.current.categories is not None:
        st.caption("Share of rows by category, this window beside the reference.")
        before = reference.categories if reference else None
        st.plotly_chart(
            categories(before, found.current.categories, paint),
            theme=None,
            config=CONFIG,
            key="shares",
            alt=f"Share of rows by category of {feature.label}, this window beside the reference",
        )
    elif found.current.histogram is not None:
        compared = reference is not None and reference.histogram is not None and reference.histogram.total > 0
        st.caption(
            "Share of rows by value, this window over the reference." if compared else "No reference to compare with."
        )
        st.plotly_chart(
            numeric(
                reference.histogram if reference else None,
                found.current.histogram,
                paint,
                unit=unit,
                whole=feature.kind in (Kind.INTEGER, Kind.BOOLEAN),
                height=330,
            ),
            theme=None,
            config=CONFIG,
            key="values",
            alt=f"Distribution of {feature.label}, this window over the reference",
        )
    else:
        st.caption("A column of this kind has no distribution; its missing values are counted above.")
with right, st.container(border=True, height="stretch"):
    known = measure(found.shift_metric)
    detector = found.shift_metric == EVIDENCE
    st.subheader("When would it raise an alarm?" if detector else "How far has it moved, and since when?", anchor=False)
    if found.shift:
        st.caption(
            "What the detector has gathered of what raises an alarm (100 %), after each window: over days for a drift, "
            "in one for a fault. ◆ part of an open incident."
            if detector
            else f"{known.title} from the reference, a point a window; above the dashed line is beyond ordinary days."
        )
        st.plotly_chart(
            over_time(
                {f"Version {version}": points for version, points in found.shift.items()},
                paint,
                highlight=at.window if at.span is None else None,
                title="Share of an alarm" if detector else known.title + (f", {known.unit}" if known.unit else ""),
                unit="share" if detector else "",
                own_thresholds=True,
                height=330,
                from_zero=True,
            ),
            theme=None,
            config=CONFIG,
            key="shift",
            alt=f"{known.title} of {feature.label} over time with its threshold",
        )
        for sentence in found.stood:
            st.caption(safe(sentence, 200))
    else:
        st.caption("No drift has been measured for this column in this window.")

if found.judged:
    with st.container(border=True):
        st.subheader("Every measure, newest window", anchor=False)
        st.dataframe(
            {
                "Measure": [line.title for line in found.judged],
                "Value": [line.value for line in found.judged],
                "Threshold": [line.threshold for line in found.judged],
                "Verdict": [line.verdict for line in found.judged],
                "Rows": [line.rows for line in found.judged],
            },
            hide_index=True,
            column_config={"Rows": st.column_config.NumberColumn(format="localized")},
            alt=f"Every measure of {feature.label} in the newest window, with its threshold",
        )
