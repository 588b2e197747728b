"""One captured row: what was asked and answered, beside the reference, and why it was answered so."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

import streamlit as st

from app.data.names import score_title
from app.data.notes import noted
from app.data.rows import explain, explanations, neighbours, row
from app.data.trust import methods_for
from app.data.verdict import answer, truth, verdict
from app.explained import ABOUT, OTHERS, card, titled
from app.frame import colours, figure, model_of, place
from app.inputs import ordinary, what_it_got
from app.prose import safe
from app.ranked import ranked
from app.runtime import runtime
from app.trying import agree, trying
from explain.tasks import UNDER_WAY
from monitor.charts import format as fmt
from monitor.errors import NotFound, NotKept, WatchglassError
from monitor.types import Task

STATES = {"running": "is being computed", "cancelling": "is being cancelled"}
"""What a task under way does, but for those that wait."""

FIRST = ("shap_tree", "shapley", "lime", "lime_text", "lime_image")
METHODS = dict(
    sorted(runtime().explain.methods().items(), key=lambda each: FIRST.index(each[0]) if each[0] in FIRST else 9)
)
"""By name, those to begin with first."""


at = place()
model = model_of(at)
paint = colours()
row_id = st.query_params.get("id", "")
version = st.query_params.get("version") or at.version


def lost(said: str) -> NoReturn:
    """End the page where there is no row to show, with the way to those there are."""
    st.title("Prediction", anchor=False)
    st.markdown(said)
    st.page_link(
        "views/predictions.py", label="To the predictions", icon=":material/table_rows:", query_params=at.query()
    )
    st.stop()


if not row_id:
    lost("**No row is chosen.** Open one from the list of predictions.")
try:
    given = row(at.model, row_id, version)
except NotKept as error:
    lost(f"**The row {safe(row_id)} was not kept.** {safe(error, 600)}")
except NotFound:
    lost(f"**There is no row {safe(row_id)} of this model.** It may have been removed, or the address is mistyped.")
served = str(given["_version"])

trail = [each for each, _ in st.session_state.get("trail", [])]
if row_id in trail:
    index = trail.index(row_id)
    before = trail[index - 1] if index else None
    after = trail[index + 1] if index + 1 < len(trail) else None
else:
    before, after = neighbours(at.model, given["_time"], row_id)


def go(to: str | None, label: str, icon: str) -> None:
    """A button to a neighbouring row."""
    if st.button(label, icon=icon, key=label, disabled=to is None) and to is not None:
        st.switch_page("views/prediction.py", query_params={"model": at.model, "id": to})


st.caption(f"{safe(model.title)} · one prediction")
with st.container(horizontal=True, vertical_alignment="center"):
    st.title(safe(row_id), anchor=False, width="content")
    st.space("stretch")
    go(before, "Previous", ":material/chevron_left:")
    go(after, "Next", ":material/chevron_right:")
    st.page_link("views/predictions.py", label="All rows", icon=":material/table_rows:", query_params=at.query())

said, sure = answer(model, given)
known = explanations(at.model, row_id)
usable = methods_for(at.model, served)
chosen = next((name for name in FIRST if usable.get(name, "") is None), FIRST[0])
with st.grid(4 if model.schema.task is Task.REGRESSION else 5, min_column_width=150):
    figure("Ranked first" if model.schema.task is Task.RANKING else "Prediction", safe(said, 40))
    if model.schema.task is not Task.REGRESSION:
        figure(score_title(model.schema), sure)
    figure("Label", safe(truth(model, given), 40), verdict(model, given))
    figure("Captured (UTC)", f"{given['_time']:%H:%M}", f"{fmt.day(given['_time'])} {given['_time'].year}")
    figure("Version", safe(served), f"latency {fmt.duration(given.get('_latency_ms'))}")
ran = [
    safe(given.get("_device"), 40) if given.get("_device") else "",
    f"{fmt.duration(given['_device_ms'])} on the device" if given.get("_device_ms") is not None else "",
    f"peak memory {fmt.with_unit(given['_memory_mb'], 'MiB')}" if given.get("_memory_mb") is not None else "",
]
if any(ran):
    st.caption(f":material/memory: Computed by {' · '.join(part for part in ran if part)}")
flags = noted(model, given.get("_flags") or ())
if flags:
    st.caption(f":material/flag: Noted on capture: {safe(', '.join(flags), 200)}")


def ask(method: str) -> None:
    """What one method would show, and a button that explains this row by it and keeps what it found."""
    name = titled(method)
    st.markdown(f"**{safe(name)}.** {ABOUT.get(method, OTHERS)}")
    first = not known and method == chosen
    if not st.button(
        f"Explain with {name}",
        key=f"explain_{method}",
        icon=":material/lightbulb:",
        type="primary" if first else "secondary",
    ):
        return
    with st.spinner(f"Asking the model with {name}: thousands of answers, some seconds…"):
        try:
            explain(at.model, row_id, method, served)
        except WatchglassError as error:
            st.error(safe(error, 400), title="This row cannot be explained now", icon=":material/error:")
        else:
            st.rerun()


def more(methods: Sequence[str]) -> None:
    """Every other method, one of which can be picked, and why the rest cannot explain this model."""
    with st.expander("Other methods", icon=":material/tune:"):
        if methods:
            picked = st.selectbox("Method", methods, format_func=titled, key="picked_method")
            ask(picked)
        unfit = {titled(name): reason for name, reason in usable.items() if reason}
        if unfit:
            st.caption("Not for this model: " + "; ".join(f"{name} ({safe(why)})" for name, why in unfit.items()) + ".")


def waiting() -> None:
    """What is under way for this model, with places in the queue, and a button that cancels each."""
    listed = [task for task in runtime().explain.tasks.listed(at.model) if task.state in UNDER_WAY]
    for task in listed:
        with st.container(horizontal=True, vertical_alignment="center"):
            of = f"row {task.inference_id}" if task.inference_id else f"{task.done:,} of {task.total:,} rows"
            state = STATES.get(task.state, f"waits, {task.position:,} before it")
            st.caption(f":material/hourglass_top: {titled(task.method)} of {safe(of)} {state}.")
            if task.state != "cancelling" and st.button("Cancel", key=f"cancel_{task.id}"):
                runtime().explain.tasks.cancel(task.id)
                st.rerun()


def offer(methods: Sequence[str]) -> None:
    """A card with the methods that have not been asked: below each other beside an explanation, else in a row."""
    rest = [name for name, why in usable.items() if why is None and name not in known and name not in methods]
    unable = next(iter(usable.values()), None) if None not in usable.values() else None
    with st.container(border=True, height="stretch"):
        if unable is not None:
            st.subheader("Why this answer?", anchor=False)
            st.caption(f"No method can explain this version's rows: {safe(unable, 400)}")
            st.page_link(
                "views/guide.py",
                label="Models that can be explained",
                icon=":material/menu_book:",
                query_params={"page": "models-to-explain"},
            )
            return
        if known:
            st.subheader(f"Ask {titled(methods[0]) if len(methods) == 1 else 'another method'} too", anchor=False)
            st.caption("Where two methods agree on the largest inputs, rely on them more; where they do not, less.")
        else:
            st.subheader("Why this answer?", anchor=False)
            st.caption("The version that served the row is asked again, with inputs changed; this is not captured.")
        waiting()
        if len(known) % 2:
            for method in methods:
                ask(method)
        elif methods:
            for place_of, method in zip(st.columns(len(methods), gap="medium"), methods, strict=True):
                with place_of:
                    ask(method)
        more(rest)


if model.schema.task is Task.RANKING:
    ranked(model, given)

additive = [each for name, each in known.items() if name in METHODS and METHODS[name].additive]
importance = dict(next(iter([*additive, *known.values()])).attributions) if known else {}
asked = [method for method in METHODS if method in known] + [method for method in known if method not in METHODS]
cards: list[Callable[[], None]] = [partial(card, model, known[method], given, paint) for method in asked]
left = [method for method in FIRST if method in METHODS and usable.get(method, "") is None and method not in known]
cards.append(partial(offer, left))
with st.grid(min(len(cards), 2), min_column_width=480, gap="medium"):
    for draw in cards:
        with st.container():
            draw()

agree([known[method] for method in asked])
if known:
    trying(model, given, row_id, served, asked[0])

what_it_got(model, given)
ordinary(model, given, importance)
