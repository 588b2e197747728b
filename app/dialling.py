"""How often a model may cry wolf: the owner's dial, tried on the last 90 days before it is saved."""

import streamlit as st

from app.data.detection import DIALS, Tried, mark, save_dial, tried
from app.prose import safe
from monitor.charts import format as fmt
from monitor.types import Model

_SHOWN = 8


def dial_panel(model: Model) -> None:
    """Draw the dial: what each setting would have raised, and a button that saves another one."""
    with st.container(border=True, key="dial_panel"):
        st.subheader("How often may it alarm for nothing?", anchor=False)
        now = model.settings.dial
        if now is None:
            st.caption("The detector is off: only the owner's rules speak. Choose a setting to turn it on.")
        options = sorted({*DIALS, *([now] if now is not None else [])})
        choice, told = st.columns([1, 2], gap="medium")
        with choice:
            dial = st.segmented_control(
                "False alarms in 90 days",
                options,
                default=now if now is not None else 1.0,
                format_func=lambda value: f"{value:g}",
                key="dial",
                help="More false alarms also means that small changes are told sooner. See the guide, Alarms.",
            )
            look = st.toggle("What would the last 90 days have been?", key="dial_try")
            if dial is not None and dial != now and st.button(f"Save {dial:g}", type="primary", key="dial_save"):
                save_dial(model.name, float(dial))
                st.toast(f"The dial is {dial:g} from the next window on.")
                st.rerun()
        with told:
            if look and dial is not None:
                _tried(model, float(dial))
            else:
                st.caption(
                    "Each alarm is one incident, however many columns it has. Real changes and faults come on top of "
                    "the false alarms that are bounded here."
                )


def _tried(model: Model, dial: float) -> None:
    found = tried(model.name, mark(model))
    if isinstance(found, str):
        st.caption(safe(found, 200))
        return
    chosen = next((each for each in found if each.dial == dial), None)
    if chosen is None:
        return
    number = len(chosen.alerts)
    times = "once" if number == 1 else f"{number} times"
    paged = sum(alert.paged for alert in chosen.alerts)
    st.markdown(
        f"At **{dial:g}** it would have fired **{times}** in {chosen.days:.0f} days, faults included: {paged} told at "
        f"once, {number - paged} with the digest."
    )
    for alert in chosen.alerts[:_SHOWN]:
        end = f" to {fmt.day(alert.resolved)}" if alert.resolved else ", still open"
        told = "paged" if alert.paged else "in the digest"
        icon = ":material/error:" if alert.severity.value == "critical" else ":material/warning:"
        st.caption(f"{icon} {fmt.day(alert.since)}{end}, {told}: {safe(alert.title, 140)}")
    if number > _SHOWN:
        st.caption(f"and {number - _SHOWN} more")
    _others(found, chosen)


def _others(found: tuple[Tried, ...], chosen: Tried) -> None:
    rest = ", ".join(f"{each.dial:g}: {len(each.alerts)}" for each in found if each.dial != chosen.dial)
    held = "" if chosen.calibrated else " A reference of fewer than 30 windows is not calibrated: the dial is not held."
    st.caption(f"At the other settings: {rest}.{held}")
