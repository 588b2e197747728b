"""The dashboard's entry: which views there are, and the frame around them."""

from pathlib import Path

import streamlit as st

from app import frame
from app.data.fleet import open_alerts
from app.runtime import runtime

HERE = Path(__file__).parent
# Views about one model → whether they go without pickers, being about one row.
TAUGHT = ("alerts", "reports")  # views that say nothing until there is a model
FRAMED = {"model": False, "importance": False, "feature": False, "predictions": False, "prediction": True}

st.set_page_config(page_title="Watchglass", page_icon=str(HERE / "static" / "mark.svg"), layout="wide")
st.logo(HERE / "static" / f"logo_{'dark' if st.context.theme.type == 'dark' else 'light'}.svg", size="medium")

firing = len(open_alerts())
pages = [
    st.Page(
        "views/fleet.py", title="Fleet", icon=":material/grid_view:", default=True, help="Every model, worst first."
    ),
    st.Page("views/model.py", title="Model", icon=":material/monitoring:", help="One model over time."),
    st.Page("views/feature.py", title="Feature", icon=":material/bar_chart:", help="One column beside its reference."),
    st.Page("views/importance.py", title="Importance", icon=":material/bar_chart_4_bars:", help="What moves it."),
    st.Page("views/predictions.py", title="Predictions", icon=":material/table_rows:", help="Captured rows, filtered."),
    st.Page(
        "views/prediction.py",
        title="Prediction",
        icon=":material/search:",
        visibility="hidden",
        help="One captured row and why it was answered so.",
    ),
    st.Page(
        "views/alerts.py",
        title=f"Alerts ({firing})" if firing else "Alerts",
        icon=":material/notifications:",
        help="What an owner should know.",
    ),
    st.Page("views/reports.py", title="Reports", icon=":material/description:", help="Written drift reports."),
    st.Page("views/operations.py", title="Operations", icon=":material/dns:", help="Is any data missing?"),
    st.Page("views/guide.py", title="Guide", icon=":material/menu_book:", help="How each thing is done."),
]
page = st.navigation(pages, position="top")

framed = page.url_path in FRAMED and frame.draw(narrow=FRAMED[page.url_path]) is not None
if page.url_path in {*FRAMED, *TAUGHT} and not framed and not runtime().store.catalog.models():
    st.title(page.title)
    st.markdown("No model is registered yet, so there is nothing to show here.")
    frame.lesson()
else:
    page.run()
