"""The parts of a prediction's page that ask the model again: agreement, what would have changed it, what if."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.frame import figure
from app.prose import safe
from app.runtime import runtime
from explain.agreement import agreements
from explain.columns import PLAYABLE
from explain.reasons import is_share
from explain.request import Asked
from monitor.charts import format as fmt
from monitor.errors import WatchglassError
from monitor.types import Explanation, Feature, Kind, Model, Task


def agree(known: Sequence[Explanation]) -> None:
    """How far each method asked agrees with the first of them, which is the one to begin with."""
    if len(known) < 2:
        return
    first = known[0].method
    titles = {name: method.title.partition(",")[0] for name, method in runtime().explain.methods().items()}
    for pair in agreements(sorted(known, key=lambda each: each.created, reverse=True)):
        if first not in pair.methods:
            continue
        other = next(name for name in pair.methods if name != first)
        one, two = (safe(titles.get(name, name)) for name in (first, other))
        count = min(3, len(known[0].parts) if len(known[0].attributions) == 1 else len(known[0].attributions))
        largest = f"{round(count * pair.top)} of their {count} largest are the same"
        if pair.rank is None:
            st.caption(f":material/info: {one} and {two} cannot be ranked beside each other; {largest}.")
            continue
        alike = "alike" if pair.rank >= 0.7 else "differently"
        icon = ":material/check_circle:" if pair.rank >= 0.7 else ":material/warning:"
        said = f"rank correlation {pair.rank:.2f} of 1".replace("-", "−")
        st.caption(f"{icon} {one} and {two} rank the inputs {alike} ({said}); {largest}.")


def trying(model: Model, given: Mapping[str, Any], row_id: str, version: str, method: str) -> None:
    """The reasons in words with what would have changed the decision, and a form to try other values."""
    with st.container(border=True):
        st.subheader("What would have changed it?", anchor=False)
        left, right = st.columns(2, gap="medium")
        with left:
            _reasons(model, row_id, version, method)
        with right:
            _what_if(model, given, row_id, version)


def _reasons(model: Model, row_id: str, version: str, method: str) -> None:
    st.markdown("**In words.** The reasons, and the smallest usual change with which the model decides otherwise.")
    features = {each.name: each for each in model.schema.features if each.kind in PLAYABLE}
    if not features:
        st.caption("Images and sequences are not changed to find another decision.")
        return
    free = [name for name, feature in features.items() if not feature.protected]
    labels = {name: feature.label for name, feature in features.items()}
    allowed = st.multiselect(
        "Inputs that may change", free, default=free, format_func=labels.__getitem__, key="may_change"
    )
    below = above = None
    number = model.schema.task in (Task.REGRESSION, Task.RANKING)
    if number:
        unit = f" ({safe(model.schema.target_unit)})" if model.schema.target_unit else ""
        st.caption("Which answer would have been another decision? Give a bound, or both.")
        left, right = st.columns(2)
        below = left.number_input(f"An answer below{unit}", value=None, key="seek_below")
        above = right.number_input(f"An answer of at least{unit}", value=None, key="seek_above")
    ready = bool(allowed) and (not number or (below, above) != (None, None))
    if st.button("Find it", icon=":material/alt_route:", disabled=not ready, key="counterfactual"):
        asked = Asked(model=model.name, inference_id=row_id, version=version, method=method)
        try:
            with st.spinner("Asking the model what would change its decision…"):
                found = runtime().explain.trying.counterfactual(asked, features=allowed, below=below, above=above)
        except WatchglassError as error:
            st.error(safe(error, 400), title="This cannot be found now", icon=":material/error:")
            return
        st.markdown(safe(found.text, 1_500))
        st.caption(f"{fmt.count(found.rows_used)} answers were asked of the version that served the row.")


def _what_if(model: Model, given: Mapping[str, Any], row_id: str, version: str) -> None:
    st.markdown("**What if?** Give inputs other values; the same version answers, and nothing is captured.")
    features = {
        feature.name: feature
        for feature in model.schema.features
        if feature.kind in (Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL, Kind.TEXT)
    }
    labels = {name: feature.label for name, feature in features.items()}
    picked = st.multiselect("Inputs", list(features), format_func=labels.__getitem__, key="what_if")
    changes = {name: _input(features[name], given.get(name)) for name in picked}
    if st.button("Ask the model", icon=":material/play_arrow:", disabled=not changes, key="ask_what_if"):
        try:
            asked = Asked(model=model.name, inference_id=row_id, version=version)
            found = runtime().explain.trying.what_if(asked, changes)
        except WatchglassError as error:
            st.error(safe(error, 400), title="The model cannot be asked now", icon=":material/error:")
            return
        regression, both = model.schema.task is Task.REGRESSION, (found.before, found.after)
        unit = model.schema.target_unit if regression else ""
        number = regression or not all(map(is_share, both))
        shown = [fmt.value(each, unit) if number else fmt.rate(each) for each in both]
        with st.container(horizontal=True):
            figure("As it was", shown[0], safe(found.output))
            figure("With these values", shown[1])


def _input(feature: Feature, own: Any) -> object:
    title = f"{safe(feature.label)}{f' ({safe(feature.unit)})' if feature.unit else ''}"
    key = f"what_if_{feature.name}"
    if feature.kind is Kind.BOOLEAN:
        return st.toggle(title, value=bool(own), key=key)
    if feature.kind is Kind.INTEGER:
        return st.number_input(title, value=None if own is None else int(own), step=1, key=key)
    if feature.kind is Kind.NUMERIC:
        return st.number_input(title, value=None if own is None else float(own), key=key)
    return st.text_input(title, value="" if own is None else str(own), key=key)
