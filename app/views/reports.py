"""Written drift reports: open in place, or download as one file."""

import streamlit as st

from app.data.records import report_address, report_html, reports
from app.prose import safe
from app.runtime import runtime
from monitor.charts import format as fmt

titles = {model.name: model.title for model in runtime().store.catalog.models()}
only = st.query_params.get("model")
found = reports(only if only in titles else None)
st.title("Reports", anchor=False)
st.caption("Each report is one HTML page that needs nothing else: it can be kept, sent and opened without this server.")

if not found:
    st.markdown("**No report has been written yet.** The scheduler writes one a week; or write one now:")
    name = next(iter(titles), "my-model")
    st.code(f"watchglass report {name}", language="bash")
    st.stop()

for report in found[:50]:
    page = report_html(report)
    with st.container(border=True, key=f"report_{report.id}"):
        text, see, save = st.columns([5, 1, 1], vertical_alignment="center")
        text.markdown(f"**{safe(report.title, 160)}**")
        text.caption(
            safe(
                f"{titles.get(report.model, report.model)} · {fmt.span(report.window.start, report.window.end)} · "
                f"written {fmt.minute(report.created)} UTC · {fmt.size(len(page) if page else None)}",
                300,
            )
        )
        if page is None:
            see.caption("Its file is gone.")
            continue
        see.link_button("Open", report_address(report), width="stretch", key=f"see_{report.id}")
        save.download_button(
            "Download",
            page,
            file_name=f"{report.model}-{report.window.start:%Y-%m-%d}.html",
            mime="text/html",
            key=f"save_{report.id}",
            width="stretch",
        )
