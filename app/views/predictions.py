"""Captured rows of a window: filter, order by a preset, open one."""

import math

import streamlit as st

from app.data.kept import kept
from app.data.names import score_title
from app.data.rows import PAGE, PRESETS, Filters, most, page, part
from app.data.shown import in_words
from app.data.verdict import answer, truth, verdict
from app.frame import model_of, place, segment_name
from app.prose import safe
from monitor.charts import format as fmt
from monitor.types import ALL, Task

at = place()
model = model_of(at)
shares = model.schema.task in (Task.BINARY, Task.MULTICLASS)
st.title("Predictions", anchor=False)

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    order = st.segmented_control(
        "Show first", PRESETS[model.schema.task], default="Newest", required=True, key="order", bind="query-params"
    )
    labels = st.segmented_control(
        "Label", ["Any", "Labelled", "No label yet"], default="Any", required=True, key="labels", bind="query-params"
    )
    prefix = st.text_input("Id begins with", key="prefix", bind="query-params", width=180, placeholder="any")
    score = None
    if shares:
        low, high = st.slider(score_title(model.schema), 0, 100, (0, 100), format="%d %%", key="score", width=240)
        score = None if (low, high) == (0, 100) else (low / 100, high / 100)

filters = Filters(
    window=at.window,
    version=at.version,
    segment=at.segment,
    score=score,
    labelled={"Labelled": True, "No label yet": False}.get(str(labels)),
    id_prefix=prefix or None,
)
paging = f"page {(at, order, labels, prefix, score)}"  # other rows begin at their first page
found, total = page(at.model, filters, order or "Newest", int(st.session_state.get(paging, 1)))
listed = part(at.model, at.window, order or "Newest")
where = [f"segment {segment_name(model, at.segment)}"] if at.segment != ALL else []
where += [f"version {at.version}"] if at.version else []
sampled = kept(model, at.window, at.version)
if not total:
    if sampled:
        st.markdown(f"**No row that is kept passes these filters.** {sampled}")
    elif filters == Filters(at.window):
        st.markdown("**No prediction came in this window.** Choose a longer one above.")
        there = at.query()
        st.page_link("views/model.py", label="What to do", icon=":material/monitoring:", query_params=there)
    else:
        st.markdown("**No row passes these filters.** Widen the window above, or clear a filter.")
    st.stop()

count = f"**{fmt.count(total)}** {'row' if total == 1 else 'rows'}" + (" with a label" if order == "Most wrong" else "")
paged = f", {PAGE} on a page" if total > PAGE else ""
rows = found.to_pylist()
ids = [(row["_id"], row["_version"]) for row in rows]


def open_row(number: int) -> None:
    """Open a row, keeping the list for previous and next."""
    st.session_state["trail"] = ids
    st.switch_page(
        "views/prediction.py", query_params={"model": at.model, "id": ids[number][0], "version": ids[number][1]}
    )


with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown(f"{count}{safe(', ' + ', '.join(where)) if where else ''}{paged}.", width="content")
    # A table has no keys; and the last pages are empty once rows were let go.
    if ids and st.button("Open the first", icon=":material/search:", type="tertiary", key="open_first"):
        open_row(0)
if listed != at.window:
    st.caption(
        f":material/bolt: Of the newest {fmt.count(most(order or 'Newest'))} predictions or so, since "
        f"{fmt.minute(listed.start)} UTC: more are not read at a time. Choose a shorter window above to see others."
    )
if sampled:
    st.caption(f":material/filter_alt: {sampled}")

shown: dict[str, list[object]] = {
    "Open": ["Open"] * len(rows),
    "Time (UTC)": [fmt.minute(row["_time"]) for row in rows],
    "Id": [row["_id"] for row in rows],
    "Prediction": [answer(model, row)[0] for row in rows],
}
if shares:
    shown[score_title(model.schema)] = [None if row["_score"] is None else row["_score"] * 100 for row in rows]
elif model.schema.task is Task.RANKING:
    shown[score_title(model.schema)] = [answer(model, row)[1] for row in rows]
shown["Label"] = [truth(model, row) for row in rows]
shown["Verdict"] = [verdict(model, row) for row in rows]
for feature in model.schema.features[:4]:
    shown[feature.label + (f", {feature.unit}" if feature.unit else "")] = [
        in_words(feature, row) or fmt.value(row.get(feature.name)) for row in rows
    ]
shown["Version"] = [row["_version"] for row in rows]
shown["Latency"] = [fmt.duration(row["_latency_ms"]) for row in rows]
st.dataframe(
    shown,
    hide_index=True,
    height=640 if len(rows) > 18 else "content",
    column_config={
        "Open": st.column_config.ButtonColumn(
            "Open", type="tertiary", on_click=lambda: open_row(st.session_state["opened"].row), key="opened", width=70
        ),
    }
    | (
        {
            score_title(model.schema): st.column_config.ProgressColumn(
                min_value=0, max_value=100, format="%.1f %%", width=150
            )
        }
        if shares
        else {}
    ),
    alt="Captured rows of this window, one a line",
    key="rows",
)
pages = math.ceil(total / PAGE)
if pages > 1:
    st.pagination(min(pages, 10_000), key=paging)
