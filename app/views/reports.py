"""Written drift reports: open in place, or download as one file; and one more at the press of a button."""

import streamlit as st

from app.data.records import report_address, report_file, reports, write_week
from app.prose import safe
from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.errors import WatchglassError

titles = {model.name: model.title for model in runtime().store.catalog.models()}
only = st.query_params.get("model")
found = reports(only if only in titles else None)
st.title("Reports", anchor=False)
st.caption(
    "One a week is written of each model. Each is one HTML page that needs nothing else: it can be kept, sent and "
    "opened without this server."
)

with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    names = list(titles)
    name = st.selectbox(
        "Model", names, index=names.index(only) if only in titles else 0, format_func=titles.__getitem__, width=240
    )
    if st.button("Write one of the last 7 days", icon=":material/edit_note:", key="write"):
        try:
            with st.spinner("Writing: some seconds…"):
                write_week(name)
        except (WatchglassError, OSError) as error:  # OSError: the disk is full
            st.error(safe(error, 400), title="No report could be written", icon=":material/error:")
        else:
            st.rerun()

if not found:
    st.markdown("**No report has been written yet.**")

for report in found[:50]:
    file = report_file(report)
    with st.container(border=True, key=f"report_{report.id}"):
        text, see, save = st.columns([5, 1, 1], vertical_alignment="center")
        text.markdown(f"**{safe(report.title, 160)}**")
        size = fmt.size(file.stat().st_size) if file else "its file is gone"
        text.caption(f"written {fmt.minute(report.created)} UTC · {size}")
        if file is None:
            continue
        see.link_button("Open", report_address(report), width="stretch", key=f"see_{report.id}")
        save.download_button(
            "Download",
            file.read_bytes,  # read when it is asked for
            file_name=f"{report.model}-{report.window.start:%Y-%m-%d}.html",
            mime="text/html",
            key=f"save_{report.id}",
            width="stretch",
        )
if len(found) > 50:
    st.caption(f"and {len(found) - 50:,} older ones, which `GET /v1/reports` lists.")
