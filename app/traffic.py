"""The part of a model's page about its traffic: how much was asked, how fast it answered, and what ran it."""

import streamlit as st

from app.data.model import Overview
from app.frame import colours
from app.machines import machines
from monitor.charts.lines import over_time, volume
from monitor.charts.style import CONFIG
from monitor.types import Model, Window


def traffic(model: Model, window: Window, found: Overview) -> None:
    """Draw predictions and latency side by side, then the machines."""
    asked, fast = st.columns(2, gap="medium")
    with asked, st.container(border=True):
        st.subheader("How much was asked?", anchor=False)
        if found.volume is not None:
            st.plotly_chart(
                volume(found.volume, colours()),
                theme=None,
                config=CONFIG,
                key="volume",
                alt="Predictions a day in this window",
            )
    with fast, st.container(border=True):
        st.subheader("How fast were the answers?", anchor=False)
        st.plotly_chart(
            over_time(dict(found.latency), colours(), title="Latency, ms", unit="ms", height=220, from_zero=True),
            theme=None,
            config=CONFIG,
            key="latency",
            alt="Median, 95th and 99th percentile of latency over the window",
        )
    machines(model.name, window, found)
