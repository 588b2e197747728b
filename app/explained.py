"""One explanation as a card of a prediction's page: its chart, what was explained, and how far to trust it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.data.names import score_title, score_unit
from app.data.trust import emptied, trust, trusted
from app.marking import mark
from app.prose import safe
from app.runtime import runtime
from explain.reasons import called
from explain.together import Pair, strongest
from monitor.charts import format as fmt
from monitor.charts.attribution import SURE, Share, bars, waterfall
from monitor.charts.style import CONFIG, Palette
from monitor.schema.held import ARRAYS
from monitor.types import Explanation, Model

ABOUT = {
    "shap": "Each step is what one input added to the average answer; the steps add up to this row's answer.",
    "lime": "Weights of a simple model fitted around this row: which inputs push its answer up or down nearby.",
    "lime_text": "Weights of a simple model of which words are there: which push the answer up or down.",
    "lime_image": "Weights of a simple model of which segments are there: which push the answer up or down.",
    "shapley": "Each step is what one input added to the average answer; the steps add up.",
    "shap_tree": "Each step is what one input added to the average answer, read off the trees; the steps add up.",
    "shap_permutation": "Steps that add up, found by letting inputs join in random orders; slower, to compare with.",
    "occlusion": "How the answer changes when one input alone is absent; quick, blind to what several do together.",
    "integrated_gradients": "The model's slope between an average row and this one, times the distance.",
    "expected_gradients": "The model's slope between usual rows and this one, times the distance, with error bars.",
    "interactions": "What each input added to the average answer, and what every two of them do only together.",
}
LINKS = {"logit": "log-odds", "log": "logarithms"}
"""Scales other than the answer's own, in words."""

OTHERS = "What each input contributed."


def titled(method: str) -> str:
    """A method's name for people, without what its title adds."""
    known = runtime().explain.methods()
    return known[method].title.partition(",")[0] if method in known else method


def card(model: Model, found: Explanation, given: Mapping[str, Any], paint: Palette) -> None:
    """Draw one explanation of a captured row."""
    method, name = runtime().explain.methods().get(found.method), titled(found.method)
    additive = method is not None and method.additive
    output = called(found.output or score_title(model.schema), found.prediction, model.schema)
    explained = output[:1].upper() + output[1:]
    unit = score_unit(model.schema, found.prediction) if found.link == "identity" else ""
    drawn = shares(model, found)
    with st.container(border=True):
        st.subheader(f"Why this answer? {name}", anchor=False)
        said = ABOUT.get(found.method, OTHERS)
        bounded = " Thin bars hold the amount in 95 of 100 runs." if any(any(each.reach) for each in drawn) else ""
        st.caption(f"{said}{bounded}")
        if not additive:
            chart = bars(drawn, paint, title="Change" if found.method == "occlusion" else "Weight", unit=unit)
        else:
            chart = waterfall(
                drawn,
                paint,
                base=found.base_value,
                base_name="Without any of it" if emptied(found) else "Average answer",
                output=found.prediction,
                output_name=_scaled(explained, found.link),
                unit=unit,
            )
        st.plotly_chart(
            chart, theme=None, config=CONFIG, key=f"chart_{found.method}", alt=f"{name}: what each input contributed"
        )
        pairs = strongest(found)
        if pairs:
            together(pairs, unit)
        else:
            mark(found, model.schema, given, paint, unit)
        begins = "the simple model starts from"
        if additive or found.method == "occlusion":
            begins = "without any of it the answer is" if emptied(found) else "the average answer is"
        st.caption(
            f"{safe(explained)}: {fmt.with_unit(found.prediction, unit)} for this row; "
            f"{begins} {fmt.with_unit(found.base_value, unit)}.{beside(found)}"
        )
        for sentence in trusted(found):
            st.caption(sentence)
        with st.expander("How far to trust it", icon=":material/verified:"):
            checks = trust(found)
            st.dataframe(
                {"Check": list(checks), "Result": list(checks.values())},
                hide_index=True,
                height="content",
                alt=f"Quality of the {name} explanation",
            )


def shares(model: Model, found: Explanation) -> list[Share]:
    """The attributions under the names and units people use; of one text, image or sequence those of its parts."""
    if len(found.attributions) == 1 and found.parts:
        return [Share(part.label, "", part.amount, _interval(part.amount, part.error)) for part in found.parts]
    errors: Mapping[str, float] = found.standard_errors or {}
    listed = []
    for name, amount in found.attributions.items():
        feature = model.schema.feature(name)
        value = found.values.get(name)
        shown = "missing" if value is None else fmt.value(value, feature.unit if feature else "")
        if feature is not None and feature.kind in ARRAYS:
            shown = ""  # "48 numbers" says nothing
        listed.append(Share(feature.label if feature else name, shown, amount, _interval(amount, errors.get(name))))
    return listed


def _interval(amount: float, error: float | None) -> tuple[float, float] | None:
    return (amount - SURE * error, amount + SURE * error) if error else None


def beside(found: Explanation) -> str:
    """Say which rows the row is compared with; nothing where there are none."""
    rows, source = found.quality.get("background_rows"), found.quality.get("background_source")
    if not rows or not source or emptied(found) or not isinstance(rows, int):
        return ""
    return f" It is compared with {fmt.count(rows)} {'row' if rows == 1 else 'rows'}: {safe(source, 200)}."


def _scaled(output: str, link: str) -> str:
    return output if link == "identity" else f"{output}, in {LINKS.get(link, link)}"


def _between(pair: Pair, unit: str) -> str:
    return " and ".join(fmt.change(end, unit) for end in pair.interval)


def together(pairs: list[Pair], unit: str) -> None:
    """List the pairs of inputs that do most together, beyond what each does alone."""
    st.markdown("**What two inputs do only together**, the strongest first; half of it counts for each of the two.")
    st.dataframe(
        {
            "Inputs": [f"{pair.labels[0]} and {pair.labels[1]}" for pair in pairs],
            "Together": [fmt.change(pair.amount, unit) for pair in pairs],
            "In 95 of 100 samples between": [
                "exact" if not pair.error else " and ".join(fmt.change(end, unit) for end in pair.interval)
                for pair in pairs
            ],
        },
        hide_index=True,
        height="content",
        alt="The strongest interactions",
    )
