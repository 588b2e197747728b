"""The part of a model's page about whether scores come true, and whether the labels that say so are typical."""

import streamlit as st

from app.data.reliability import Trueness, trueness
from app.frame import colours, figure
from app.prose import safe
from monitor.charts import format as fmt
from monitor.charts.reliability import reliability_chart
from monitor.charts.style import CONFIG
from monitor.types import Model, Window


def scores_come_true(model: Model, window: Window, version: str | None, segment: str) -> None:
    """The reliability curve, the confusion of classes, and what labels are missing; nothing without labels."""
    found = trueness(model.name, window, version, segment)
    if found is None:
        return
    if found.curves:
        with st.container(border=True):
            _reliability(model, found)
    if found.confusion is not None:
        with st.container(border=True):
            _confusion(model, found)
    with st.container(border=True):
        st.subheader("Are the labels that came typical?", anchor=False)
        labels_are_typical(found)


def labels_are_typical(found: Trueness, icon: str = "") -> None:
    """Say whether labels are missing by chance, and what accuracy comes to where they are not.

    Args:
        found: what labels say.
        icon: before the statement, where it is a warning beside a chart.
    """
    if found.missing is None:
        st.caption("Too few predictions are with a label, or without one, for both to be compared.")
        return
    st.markdown(f"{icon}{safe(str(found.missing), 300)}")
    if found.weighted is not None:
        title, unit, came, mended = found.weighted
        st.caption(
            f"{title} of the labels that came {fmt.with_unit(came, safe(unit, 20))}; weighted by score as if none were "
            f"missing {fmt.with_unit(mended, safe(unit, 20))}."
        )


def _reliability(model: Model, found: Trueness) -> None:
    st.subheader("Do scores come true?", anchor=False)
    names = list(found.curves)
    chosen = names[0]
    if len(names) > 1:
        chosen = st.selectbox("Class", names, key="reliability_class", width=240)
    st.caption(
        f"Of predictions with a score of about 30 % for {safe(chosen, 40)}, 30 % should turn out {safe(chosen, 40)}: "
        "on the dashed line they do. Bars hold the true share in 9 of 10 cases."
    )
    curve = found.curves[chosen]
    drawn, told = st.columns([2, 1], gap="medium")
    with drawn:
        st.plotly_chart(
            reliability_chart(curve.rows.tolist(), curve.score.tolist(), curve.rate.tolist(), colours()),
            theme=None,
            config=CONFIG,
            key="reliability",
            alt="How often predictions came true by their score, against the diagonal",
        )
    with told:
        figure(
            "Calibration error",
            fmt.with_unit(found.error(chosen), "share"),
            f"{fmt.count(int(curve.rows.sum()))} labels",
            "How far scores are from how often they come true, on average over ten groups of scores.",
        )
        if len(names) > 1:
            mean = sum(found.error(name) for name in names) / len(names)
            figure("Mean over classes", fmt.with_unit(mean, "share"), None, "Each class against all the others.")
        values = model.settings.outcome_values
        if values is not None and found.worth is not None:
            figure(
                "Value of a prediction",
                fmt.with_unit(found.worth, safe(values.unit, 20)),
                f"{fmt.with_unit(found.worth * found.judged, safe(values.unit, 20))} in all",
                "By what the owner says right and wrong answers are worth, over the predictions with a label.",
            )


def _confusion(model: Model, found: Trueness) -> None:
    st.subheader("Which classes are taken for which?", anchor=False)
    st.caption("Of the labels of each row, the share that was predicted as each column; the diagonal is right.")
    assert found.confusion is not None  # noqa: S101 - whoever calls has looked
    table: dict[str, list[object]] = {"Label": [], "Labels": []}
    table |= {f"as {name}": [] for name in model.schema.classes}
    for name, row in zip(model.schema.classes, found.confusion.tolist(), strict=True):
        total = sum(row)
        table["Label"].append(name)
        table["Labels"].append(total)
        for other, count in zip(model.schema.classes, row, strict=True):
            table[f"as {other}"].append(count / total * 100 if total else None)
    shares = {name: st.column_config.NumberColumn(format="%.1f %%") for name in table if name.startswith("as ")}
    st.dataframe(table, column_config=shares, hide_index=True, key="confusion")
