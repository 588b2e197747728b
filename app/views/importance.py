"""What a model goes by as a whole: importance with intervals, contributions of one input, groups of rows."""

import streamlit as st

from app.data.attribution import goes_by
from app.frame import colours, model_of, place
from app.prose import safe
from app.runtime import runtime
from explain.columns import NUMBERS
from explain.summary import differences, importance, points
from explain.windows import Cohort, WindowAsked, sample, split
from monitor.charts import format as fmt
from monitor.charts.attribution import Share, bars
from monitor.charts.compared import compared
from monitor.charts.style import CONFIG
from monitor.errors import WatchglassError
from monitor.types import Task

at = place()
model = model_of(at)
explaining = runtime().explain
labels = {feature.name: feature.label for feature in model.schema.features}
unit = "share" if model.schema.task is not Task.REGRESSION else model.schema.target_unit


def amount(value: float) -> str:
    """A contribution for people."""
    return fmt.points(value) if unit == "share" else fmt.with_unit(value, unit)


st.title("What does it go by?", anchor=False)
measured = goes_by(model, at.version, at.window)
if measured is not None:
    with st.container(border=True):
        st.subheader("Does it still go by the same?", anchor=False)
        if measured.inputs:
            st.markdown(safe(measured.said, 600))
            st.plotly_chart(
                compared(measured.inputs, colours(), unit=unit),
                theme=None,
                config=CONFIG,
                alt="What it goes by, beside the reference",
            )
            st.caption(
                f"{fmt.span(measured.window.start, measured.window.end)} (UTC), rows that chance chose; the thin bars "
                "hold the mean in 95 of 100 samples. Bold: changed more than windows of the reference do."
            )
        else:
            st.caption(f":material/info: Not compared with the reference: {safe(measured.said, 600)}.")
found = sample(runtime().store, model.name, at.window, at.version)
for task in explaining.tasks.listed(model.name):
    if task.inference_id is None and task.state in ("queued", "running"):
        st.progress(task.done / task.total, f"Explaining this model: {task.done:,} of {task.total:,} rows")
        if st.button("Cancel", key=f"cancel_{task.id}"):
            explaining.tasks.cancel(task.id)
            st.rerun()
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    rows = st.number_input("Rows", 10, 2_000, 100, step=10, key="rows", width=140)
    if st.button("Explain rows of this window", icon=":material/lightbulb:", type="primary"):
        try:
            asked = WindowAsked(model=model.name, window=at.window, version=at.version, rows=int(rows))
            explaining.windows.start(asked)
            st.rerun()
        except WatchglassError as error:
            st.error(safe(error, 400), icon=":material/error:")
    st.button("Refresh", icon=":material/refresh:")
if not found.explanations:
    st.markdown("No row of this window that chance chose has been explained yet.")
    st.stop()

listed = importance(found.explanations)
with st.container(border=True):
    st.subheader("Which inputs move its answers?", anchor=False)
    st.caption(
        f"Mean size of each input's contribution over {fmt.count(len(found.explanations))} rows that chance chose; the "
        "bars hold the mean in 95 of 100 such samples."
    )
    shares = [
        Share(
            labels.get(each.feature, each.feature),
            "",
            each.mean,
            None if each.low is None or each.high is None else (each.high - each.low) / 2,
        )
        for each in listed
    ]
    st.plotly_chart(
        bars(shares, colours(), title="Mean size of the contribution"),
        theme=None,
        config=CONFIG,
        alt="Importance of the inputs with intervals",
    )

titles = {each.feature: safe(labels.get(each.feature, each.feature)) for each in listed}
feature = st.selectbox("Input", list(titles), format_func=titles.__getitem__)
left, right = st.columns(2, gap="medium")
with left, st.container(border=True):
    st.subheader("How does it contribute?", anchor=False)
    seen = points(found.explanations, feature)
    st.scatter_chart(
        {"Value": [each.value for each in seen], "Contribution": [each.amount for each in seen]},
        x="Value",
        y="Contribution",
        height=280,
    )
with right, st.container(border=True):
    st.subheader("Why is a group answered differently?", anchor=False)
    values = sorted({str(each.value) for each in seen if each.value is not None})
    known = model.schema.feature(feature)
    if known is not None and known.kind in NUMBERS:
        numbers = sorted(float(each.value) for each in seen if isinstance(each.value, int | float))
        middle = numbers[len(numbers) // 2] if numbers else 0.0
        above = st.number_input("At least", value=middle, key=f"above_{feature}")
        cohort = Cohort(feature=feature, above=above)
    else:
        cohort = Cohort(feature=feature, value=st.selectbox("Value", values, key=f"value_{feature}"))
    inside, outside = split(found.explanations, cohort)
    apart = differences(inside, outside)
    st.caption(f"{fmt.count(len(inside))} rows of the group, {fmt.count(len(outside))} others; mean contributions.")
    st.dataframe(
        {
            "Input": [labels.get(each.feature, each.feature) for each in apart],
            "Group": [amount(each.first) for each in apart],
            "Others": [amount(each.second) for each in apart],
            "Difference": [amount(each.difference) for each in apart],
            "Clear": ["yes" if each.clear else "no" for each in apart],
        },
        hide_index=True,
        height="content",
        alt="Mean contributions of the group and of the others",
    )
