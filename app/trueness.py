"""The part of a model's page about whether scores come true, and whether the labels that say so are typical."""

import streamlit as st

from app.data.reliability import trueness
from app.frame import colours, figure
from app.prose import safe
from monitor.charts import format as fmt
from monitor.charts.reliability import reliability_chart
from monitor.charts.style import CONFIG
from monitor.types import Model, Window


def scores_come_true(model: Model, window: Window, version: str | None, segment: str) -> None:
    """The reliability curve beside its error, the value of predictions, and what is missing; nothing without labels."""
    found = trueness(model.name, window, version, segment)
    if found is None:
        return
    with st.container(border=True):
        st.subheader("Do scores come true?", anchor=False)
        st.caption(
            f"Of predictions with a score of about 30 %, 30 % should turn out {safe(model.schema.classes[-1], 40)}: on "
            "the dashed line they do. Bars hold the true share in 9 of 10 cases."
        )
        drawn, told = st.columns([2, 1], gap="medium")
        with drawn:
            st.plotly_chart(
                reliability_chart(
                    found.curve.rows.tolist(), found.curve.score.tolist(), found.curve.rate.tolist(), colours()
                ),
                theme=None,
                config=CONFIG,
                key="reliability",
                alt="How often predictions came true by their score, against the diagonal",
            )
        with told:
            figure(
                "Calibration error",
                fmt.with_unit(found.error, "share"),
                f"{fmt.count(int(found.curve.rows.sum()))} labels",
                "How far scores are from how often they come true, on average over ten groups of scores.",
            )
            values = model.settings.outcome_values
            if values is not None and found.worth is not None:
                figure(
                    "Value of a prediction",
                    fmt.with_unit(found.worth, safe(values.unit, 20)),
                    f"{fmt.with_unit(found.worth * found.judged, safe(values.unit, 20))} in all",
                    "By what the owner says right and wrong answers are worth, over the predictions with a label.",
                )
            if found.missing is not None:
                st.caption(safe(str(found.missing), 300))
            if found.auc is not None:
                st.caption(
                    f"AUC of the labels that came {found.auc[0]:.3f}; weighted by score as if none were missing "
                    f"{found.auc[1]:.3f}."
                )
