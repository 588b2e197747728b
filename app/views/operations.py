"""Is any data missing? The ledger, the jobs, the size of the store and what could not be stored."""

import streamlit as st

from app.data.halves import unpaired
from app.data.letters import kept_days, replayed, waiting
from app.data.pressure import refused, room
from app.data.records import FATES, WAYS, groups_lost, progress, sources, store_size
from app.frame import pairs
from app.letters import dead_letters
from app.runtime import runtime
from app.unpaired import unpaired_halves
from monitor.charts import format as fmt

MEANT = {
    "stored": "Each once, durable before it was acknowledged.",
    "duplicate": "Sent again with an id that is stored already.",
    "rejected": "Could not be read as this model's row; listed below. Those replayed since are among the stored, too.",
    "dropped": "Given up by the sender before they reached this server, as it reports itself.",
}

st.title("Operations", anchor=False)
found = sources()
received = sum(source.received for source in found)
fates = {fate: sum(source.fates[fate] for source in found) for fate in FATES}
missing = received - sum(fates.values())
gone = groups_lost()
lost = max(fates["rejected"] + fates["dropped"] - replayed(), 0)
counts = unpaired()
alone = sum(count.orphan + count.mismatched for count in counts)

space = room()
if not space.enough:
    st.error(
        f"{fmt.size(space.free_bytes)} are free, and {fmt.size(space.reserve_bytes)} must stay free (`disk_reserve`). "
        "Senders are told to come again (507); nothing that was acknowledged is lost. Free some space: capture goes on "
        "by itself.",
        title="The disk is full: nothing is captured now",
        icon=":material/hard_drive:",
    )
if gone:
    st.error(
        f"{fmt.count(gone)} {'commit' if gone == 1 else 'commits'} that senders were told of "
        f"{'is' if gone == 1 else 'are'} not in the store: it was cut short by a crash of the machine, or copied "
        "without its newest part. Send the rows of that time again; those that are there count as duplicates.",
        title="Data was lost after it had been stored",
        icon=":material/error:",
    )
elif missing:
    st.error(
        f"{fmt.count(abs(missing))} rows received met no known fate. Run `watchglass verify` to see where.",
        title="The ledger does not add up",
        icon=":material/error:",
    )
elif not received:
    st.info(
        "Nothing has been received yet. As soon as rows come, this says whether all of them are stored.",
        icon=":material/hourglass_empty:",
    )
elif lost:
    st.warning(
        f"Every row received is accounted for, but {fmt.count(lost)} of {fmt.count(received)} rows "
        f"({fmt.rate(lost / received)}) {'was' if lost == 1 else 'were'} not stored; the reasons are below.",
        title="Some data is missing",
        icon=":material/warning:",
    )
else:
    st.success(
        f"All {received:,} rows received are stored"
        + (f", or were among the {fmt.count(fates['duplicate'])} sent twice." if fates["duplicate"] else ".")
        + (f" {fmt.count(alone)} requests or answers have no other side; see below." if alone else ""),
        title="No data is missing",
        icon=":material/check_circle:",
    )

places = [place for place in pairs() for _ in range(2)]
tiles = [("Received, rows", fmt.count(received), "Predictions and labels.")]
tiles += [(f"{fate.capitalize()}, rows", fmt.count(fates[fate]), MEANT[fate]) for fate in FATES]
tiles += [("Database", fmt.size(store_size()), "The file and its write-ahead log.")]
for place, (label, value, about) in zip(places, tiles, strict=True):
    place.metric(label, value, border=True, height="stretch", help=about)

titles = {model.name: model.title for model in runtime().store.catalog.models()}
with st.container(border=True):
    st.subheader("Where did rows come from, and what became of them?", anchor=False)
    if found:
        st.dataframe(
            {
                "Model": [titles.get(source.model, source.model) for source in found],
                "Source": [WAYS.get(source.source, source.source) for source in found],
                "Received, rows": [source.received for source in found],
                **{fate.capitalize(): [source.fates[fate] for source in found] for fate in FATES},
                "Adds up": ["yes" if source.adds_up else "no" for source in found],
                "Why not stored": [
                    ", ".join(f"{reason} ({fmt.count(rows)})" for reason, rows in source.reasons.items()) or fmt.MISSING
                    for source in found
                ],
            },
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="localized")
                for name in ("Received, rows", *(fate.capitalize() for fate in FATES))
            },
            alt="Rows received by model and source, by what became of them",
        )
    else:
        st.caption("Nothing has been received yet.")

if counts:
    unpaired_halves(counts, titles)

left, right = st.columns(2, gap="medium")
with left, st.container(border=True):
    st.subheader("How far are the jobs?", anchor=False)
    steps = progress()
    if steps:
        st.dataframe(
            {
                "Model": [titles.get(step.model, step.model) for step in steps],
                "Jobs": [step.said for step in steps],
                "Done to (UTC)": [
                    fmt.minute(step.until) if step.until else "runs when asked" if step.asked else "not run yet"
                    for step in steps
                ],
            },
            hide_index=True,
            alt="How far the jobs of each model have come",
        )
    else:
        st.caption("No model is registered yet.")
with right, st.container(border=True):
    st.subheader("What could not be stored?", anchor=False)
    held = waiting()
    if held:
        st.caption(
            f"{fmt.count(sum(each.letters for each in held))} kept as dead letters with what was sent, for "
            f"{kept_days():g} days. Mend the cause, then run `watchglass replay MODEL`: those that can be read then "
            "become rows."
        )
        st.dataframe(
            {
                "Model": [titles.get(each.model, each.model) for each in held],
                "Source": [WAYS.get(each.source, each.source) for each in held],
                "Reason": [each.reason.replace("_", " ") for each in held],
                "Waiting": [each.letters for each in held],
                "Size": [fmt.size(each.size) for each in held],
            },
            hide_index=True,
            column_config={"Waiting": st.column_config.NumberColumn(format="localized")},
            alt="Dead letters that wait, by model, source and reason",
        )
    else:
        st.caption("Nothing waits: every row could be read, or was replayed.")

dead_letters(titles)

again = refused()
with st.container(border=True):
    st.subheader("Was anybody told to come again?", anchor=False)
    st.caption(
        f"{fmt.size(space.free_bytes)} of the disk are free; capture stops below {fmt.size(space.reserve_bytes)}. "
        "The rows of a refused request are not among those received: most senders send them again."
    )
    if again:
        st.dataframe(
            {
                "Model": [titles.get(each.model, each.model) or fmt.MISSING for each in again],
                "Why": [each.reason for each in again],
                "Requests": [each.requests for each in again],
            },
            hide_index=True,
            column_config={"Requests": st.column_config.NumberColumn(format="localized")},
            alt="Requests that were told to come again, by model and reason",
        )
    else:
        st.caption("No request was refused.")
