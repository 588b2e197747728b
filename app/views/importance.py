"""What a model goes by as a whole: importance with intervals, contributions of one input, groups of rows."""

import streamlit as st

from app.data.attribution import goes_by
from app.data.costs import backgrounds, cost_in_words
from app.data.names import score_title, score_unit
from app.frame import colours, model_of, place
from app.prose import safe
from app.runtime import runtime
from explain.columns import NUMBERS
from explain.summary import differences, importance, points
from explain.tasks import UNDER_WAY
from explain.windows import Cohort, WindowAsked, sample, split
from monitor.charts import format as fmt
from monitor.charts.attribution import Share, bars
from monitor.charts.compared import compared
from monitor.charts.dependence import dependence
from monitor.charts.style import CONFIG
from monitor.errors import WatchglassError
from monitor.schema.held import ARRAYS
from monitor.types import Kind, Task

WHOLE = (*ARRAYS, Kind.TEXT)
"""Kinds whose values are as good as never the same twice."""

SAID = {"True": "yes", "False": "no"}

at = place()
model = model_of(at)
explaining = runtime().explain
labels = {feature.name: feature.label for feature in model.schema.features}
unit = score_unit(model.schema)
of_what = {Task.BINARY: score_title(model.schema).lower(), Task.REGRESSION: model.schema.target}.get(model.schema.task)
answer = safe(of_what or "probability of the class that was predicted")


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
    if task.inference_id is None and task.state in UNDER_WAY:
        st.progress(task.done / task.total, f"Explaining this model: {task.done:,} of {task.total:,} rows")
        if task.state != "cancelling" and st.button("Cancel", key=f"cancel_{task.id}"):
            explaining.tasks.cancel(task.id)
            st.rerun()
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    rows = st.number_input("Rows", 10, 2_000, 100, step=10, key="rows", width=140)
    asked = WindowAsked(model=model.name, window=at.window, version=at.version, rows=int(rows))
    if st.button("Explain rows of this window", icon=":material/lightbulb:", type="primary"):
        try:
            explaining.windows.start(asked)
            st.rerun()
        except WatchglassError as error:
            st.error(safe(error, 400), icon=":material/error:")
    st.button("Refresh", icon=":material/refresh:")
st.caption(cost_in_words(asked))
if not found.explanations:
    st.markdown(
        "**No row of this window that chance chose has been explained yet.** *Explain rows of this window* has chance "
        "choose rows, as many from each tenth of the scores, and asks the versions that served them; none is captured."
    )
    st.stop()

listed = importance(found.explanations)
with st.container(border=True):
    st.subheader("Which inputs move its answers?", anchor=False)
    st.caption(
        f"How much each input moves the {answer}, up or down, on average over {fmt.count(len(found.explanations))} "
        "rows that chance chose; thin bars hold the mean in 95 of 100 such samples."
    )
    sizes = [
        Share(
            labels.get(each.feature, each.feature),
            "",
            each.mean,
            None if each.low is None or each.high is None else (each.low, each.high),
        )
        for each in listed
    ]
    st.plotly_chart(
        bars(
            sizes,
            colours(),
            title="Mean size of the contribution",
            unit=unit,
            sizes=True,
            top=15,
        ),
        theme=None,
        config=CONFIG,
        alt="Importance of the inputs with intervals",
    )
    for source, address in backgrounds(found.explanations):
        st.caption(f"Compared with rows of the {safe(source, 200)}: [these, as JSON]({address})")
    if len(sizes) > 15:
        st.caption(f"The {len(sizes) - 15} least important inputs are not drawn; pick any below.")

titles = {each.feature: labels.get(each.feature, each.feature) for each in listed}
plain_values = [name for name in titles if (of := model.schema.feature(name)) is None or of.kind not in WHOLE]
if not plain_values:
    st.caption(
        ":material/info: What single words, regions or steps contribute is on each prediction's page; their values are "
        "not comparable between rows."
    )
    st.stop()
feature = st.selectbox("Input", plain_values, format_func=titles.__getitem__)
side_by_side = st.grid(2, min_column_width=480, gap="medium")
with side_by_side, st.container(border=True):
    st.subheader("How does it contribute?", anchor=False)
    seen = points(found.explanations, feature)
    known = model.schema.feature(feature)
    value_unit = known.unit if known else ""
    st.caption("Each dot is a row: its value, and how much that moved its answer.")
    st.plotly_chart(
        dependence(
            [(each.value, each.amount) for each in seen],
            colours(),
            label=titles[feature],
            value_unit=value_unit,
            unit=unit,
        ),
        theme=None,
        config=CONFIG,
        alt="Values of the input against what they contributed",
    )
    absent = sum(each.value is None for each in seen)
    if absent and known is not None and known.kind in NUMBERS:
        st.caption(f"{fmt.count(absent)} rows without a value are not drawn.")
with side_by_side, st.container(border=True):
    st.subheader("Why is a group answered differently?", anchor=False)
    values = sorted({str(each.value) for each in seen if each.value is not None})
    if known is not None and known.kind in (Kind.NUMERIC, Kind.INTEGER):
        numbers = sorted(float(each.value) for each in seen if isinstance(each.value, int | float))
        middle = numbers[len(numbers) // 2] if numbers else 0.0
        above = st.number_input(
            f"Rows with at least{f' ({safe(value_unit)})' if value_unit else ''}", value=middle, key=f"above_{feature}"
        )
        cohort = Cohort(feature=feature, above=above)
    else:
        chosen = st.selectbox(
            "Rows with", values, key=f"value_{feature}", format_func=lambda value: SAID.get(value, value)
        )
        cohort = Cohort(feature=feature, value=chosen or "")
    inside, outside = split(found.explanations, cohort)
    apart = differences(inside, outside)
    st.caption(f"{fmt.count(len(inside))} rows of the group, {fmt.count(len(outside))} others; mean contributions.")
    if not apart:
        st.caption("At least three rows of each are needed to compare them.")
        st.stop()
    st.dataframe(
        {
            "Input": [labels.get(each.feature, each.feature) for each in apart],
            "Group": [fmt.change(each.first, unit) for each in apart],
            "Others": [fmt.change(each.second, unit) for each in apart],
            "Difference": [fmt.change(each.difference, unit) for each in apart],
            "In 95 of 100 samples between": [
                f"{fmt.change(each.low, unit)} and {fmt.change(each.high, unit)}" for each in apart
            ],
        },
        hide_index=True,
        height="content",
        alt="Mean contributions of the group and of the others",
    )
