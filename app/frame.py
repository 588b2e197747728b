"""The frame around every data view: who and when, picked once, kept in the address."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.data.fleet import latest, now
from app.data.model import labels_until, segments_of, versions_of
from app.place import KEYS, SPANS, Place, read_window
from app.prose import CAPTURE_SNIPPET, REGISTER_SNIPPET
from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.charts.style import Palette, palette
from monitor.profile.groups import split_segment
from monitor.types import ALL, Model

EVERY_VERSION = "All versions"
ALL_TRAFFIC = "All traffic"
_FORGET = {
    "model": ("version", "segment", "feature"),
    "window": ("start", "end"),
}


def colours() -> Palette:
    """The palette of the page as the person sees it, light or dark."""
    return palette(st.context.theme.type)


def _memory() -> dict[str, str]:
    memory: dict[str, str] = st.session_state.setdefault("place", {})
    return memory


def read_address() -> dict[str, str]:
    """What the address says; what it leaves out is as it was on the view before, unless the model changed."""
    given = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    memory = _memory()
    if given.get("model", memory.get("model")) != memory.get("model"):
        memory.clear()
    if "window" in given:
        memory.pop("start", None), memory.pop("end", None)
    elif "start" in given:
        memory.pop("window", None)
    memory.update(given)
    return dict(memory)


def write_address(changes: dict[str, str | None]) -> None:
    """Change the address and what is remembered of it; None removes."""
    memory = _memory()
    for key, value in changes.items():
        for also in _FORGET.get(key, ()):
            memory.pop(also, None)
            st.query_params.pop(also, None)
        if value is None:
            memory.pop(key, None)
            st.query_params.pop(key, None)
        else:
            memory[key] = value
            st.query_params[key] = value


def _picked(key: str, neutral: str | None) -> None:
    value = st.session_state[f"pick_{key}"]
    write_address({key: None if value == neutral else value})


def pick(label: str, key: str, options: Sequence[str], value: str, names: dict[str, str] | None = None) -> None:
    """A select box whose choice is a parameter of the address; the first option is the one left out of it."""
    st.session_state[f"pick_{key}"] = value if value in options else options[0]
    st.selectbox(
        label,
        options,
        key=f"pick_{key}",
        format_func=lambda option: (names or {}).get(option, option),
        on_change=_picked,
        args=(key, None if key in ("model", "feature") else options[0]),
        width=200,
    )


def draw(*, narrow: bool) -> Place | None:
    """Draw the pickers and the status line; None (and a lesson) where there is no model yet.

    Args:
        narrow: draw nothing but remember the place, for views about one row.
    """
    models = {model.name: model for model in runtime().store.catalog.models()}
    if not models:
        return None
    given = read_address()
    name = given.get("model", "")
    model = models.get(name) or next(iter(models.values()))
    versions, segments = versions_of(model.name), segments_of(model.name)
    span, window = read_window(given, now(), latest(model.name))
    place = Place(
        model=model.name,
        window=window,
        version=given.get("version") if given.get("version") in versions else None,
        segment=given["segment"] if given.get("segment") in segments else ALL,
        span=span,
    )
    if name and name not in models:
        st.warning("The address names a model that is not registered; another one is shown.", icon=":material/help:")
    st.session_state["here"] = place
    if narrow:
        return place
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="frame"):
        pick("Model", "model", list(models), model.name, {each.name: each.title for each in models.values()})
        pick("Version", "version", [EVERY_VERSION, *versions], place.version or EVERY_VERSION)
        if len(segments) > 1:
            words = {segment: segment_name(model, segment) for segment in segments}
            pick("Segment", "segment", segments, place.segment, words)
        _window(place)
    _status(model, place)
    write = {key: value for key, value in place.query().items() if st.query_params.get(key) != value}
    if write:
        st.query_params.update(write)
    return place


def segment_name(model: Model, segment: str) -> str:
    """A segment in words, such as "Carrier: UA"."""
    found = split_segment(segment, (feature.name for feature in model.schema.features))
    known = model.schema.feature(found[0]) if found else None
    if found is None or known is None:
        return ALL_TRAFFIC
    return f"{known.label}: {found[1] or '(empty)'}"


def _window(place: Place) -> None:
    st.session_state["pick_window"] = place.span
    st.segmented_control(
        "Window",
        list(SPANS),
        key="pick_window",
        on_change=_picked,
        args=("window", None),
        help="Whole days before the last midnight, and today so far. All times are UTC.",
    )


def figure(label: str, value: str, note: str | None = None, about: str | None = None) -> None:
    """One number in a frame, with what it rests on under it, and its meaning on asking."""
    st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, height="stretch", help=about)


def lesson(model: str | None = None) -> None:
    """What to do where nothing has come yet: register a model if there is none, then capture what it answers."""
    name = model or "my-model"
    if model is None:
        st.markdown("**1. Register** a model with rows it is compared with; the schema is read from them.")
        st.code(REGISTER_SNIPPET.format(model=name), language="bash")
        st.markdown("**2. Capture** what it is asked and answers, with three lines in the code that serves it.")
    st.code(CAPTURE_SNIPPET.format(url=runtime().config.base_url, model=name), language="python")
    st.caption(
        "Single rows are under Predictions at once; they are measured as soon as their first day is over."
        + ("" if model else " `watchglass demo` shows all of it on a summer of real flights.")
    )
    st.page_link(
        "views/guide.py",
        label="Without Python: from any model server",
        icon=":material/menu_book:",
        query_params={"page": "servers"},
    )


def pairs() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Three grids of two figures each: beside each other, or on a narrow page one below the other, without gaps."""
    with st.grid(3, min_column_width=270):
        one, two, three = (st.grid(2, min_column_width=115, height="stretch") for _ in range(3))
    return one, two, three


def _status(model: Model, place: Place) -> None:
    """One quiet line: which days, how many labels have come, how far the jobs are."""
    labels, coverage = labels_until(model.name, place.window)
    parts = [f"{fmt.span(place.window.start, place.window.end)} (UTC)"]
    if labels is not None:
        parts.append(f"labels to {fmt.day(labels)}, {fmt.rate(coverage)} arrived")
    done = latest(model.name)
    parts.append(f"measured to {fmt.day(done)} {done:%H:%M}" if done else "not measured yet")
    parts.append(f"now {fmt.minute(now())}")
    st.caption("  ·  ".join(parts))


def place() -> Place:
    """Where the person is; the frame has been drawn before the view runs."""
    here: Place = st.session_state["here"]
    return here


def model_of(at: Place) -> Model:
    """The model a place is about."""
    return runtime().store.catalog.model(at.model)


def since(moment: datetime | None) -> str:
    """How long ago, on the server's clock."""
    return fmt.ago(moment, now())
