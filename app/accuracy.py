"""The part of a model's page about how good its answers were: realised and estimated, over what labels came."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app.data.model import Overview, doubts
from app.data.names import WORTH, measure
from app.data.reliability import trueness
from app.frame import colours
from app.place import Place
from app.prose import safe
from app.trueness import labels_are_typical
from monitor.charts import format as fmt
from monitor.charts.lines import over_time, volume
from monitor.charts.style import CONFIG
from monitor.scheduler import CLOSED_AT
from monitor.types import Model


def measured(found: Overview) -> list[str]:
    """Return the measures of accuracy that anything is known of, realised or estimated."""
    return [
        metric
        for metric, versions in found.accuracy.items()
        if any(versions.values())
        or any(given.value is not None for of in found.estimates[metric].values() for given in of)
    ]


def how_good(at: Place, model: Model, found: Overview, metrics: Sequence[str]) -> None:
    """Draw one measure of accuracy, to be chosen, over the labels that came; without labels the traffic."""
    st.subheader("How good were the answers?", anchor=False)
    if metrics:
        _accuracy(at, model, found, metrics)
    elif found.volume is not None:
        st.caption("No labels have arrived for this window, so accuracy is not known. Here is its traffic.")
        st.plotly_chart(
            volume(found.volume, colours()),
            theme=None,
            config=CONFIG,
            key="traffic",
            alt="Predictions a day in this window",
        )


def _accuracy(at: Place, model: Model, found: Overview, metrics: Sequence[str]) -> None:
    titles = {measure(metric).title: metric for metric in metrics}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Realised, from labels that arrived (solid), and estimated before they do (dotted, with the "
            "band that holds 9 of 10 realised values); below it how many labels arrived.",
            width="stretch",
        )
        chosen = st.selectbox(
            "Measure", list(titles), key="measure", bind="query-params", label_visibility="collapsed", width=160
        )
    metric = titles[chosen]
    known = measure(metric, model.schema.target_unit)
    if metric == WORTH and model.settings.outcome_values is not None:
        known = replace(known, unit=model.settings.outcome_values.unit)
    series = {f"Version {version}": points for version, points in found.accuracy[metric].items()}
    floor = next(
        (r.threshold for r in model.settings.rules or () if r.metric == metric and r.threshold is not None), None
    )
    st.plotly_chart(
        over_time(
            series,
            colours(),
            title=known.title,
            unit=known.unit,
            bars=found.volume,
            threshold=floor,
            higher_is_better=known.better == "higher",
            height=300,
            estimated={f"Version {version}": points for version, points in found.estimates[metric].items()},
        ),
        theme=None,
        config=CONFIG,
        key="accuracy",
        alt=f"{known.title} of each version over the window, realised and estimated, over the number of labels",
    )
    if found.ages:
        ages = " · ".join(f"{fmt.rate(share)} after {age}" for age, share in found.ages.items())
        st.caption(
            f"Labels had come: {ages}. A window is judged once {fmt.rate(CLOSED_AT)} are there, or after "
            f"{model.settings.label_deadline_days} days."
        )
    told = trueness(model.name, at.window, at.version, at.segment)
    if told is not None and told.missing is not None and told.missing.differs:
        labels_are_typical(told, icon=":material/help: ")
    said = doubts(found.estimates[metric])
    for version, why in said.items():
        of = f"Estimate of version {safe(version)}" if len(said) > 1 else "Estimate"
        st.caption(f":material/help: {of}: {safe(f'{why[0].lower()}{why[1:]}', 200)}")
