"""Compare what senders know with what the store holds: ids and contents; and prove that the comparison can fail."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from monitor.profile.pieces import PIECES, merge
from monitor.profile.segment_sums import profile_segments
from monitor.profile.whole import profile_rows, profile_truths
from monitor.store import Store, verify
from tests.benchmarks.crash_journal import Event, Known, content_hash

MODEL = "m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a comparison found.

    Attributes:
        lost: acknowledged events that are not in the store, or with other content.
        doubled: events that are there more than once, or that nobody sent.
        wrong: checks of ``watchglass verify`` that failed, and profiles that differ from fresh ones.
    """

    lost: int
    doubled: int
    wrong: tuple[str, ...]


def compare(known: Known, store: Store) -> Found:
    """Compare journals with a store."""
    times: Counter[tuple[str, str]] = Counter()
    differing = set()
    for kind, event in _stored(store):
        key = (kind, str(event["id"]))
        times[key] += 1
        if known.sent.get(key) != content_hash(event):
            differing.add(key)
    lost = [key for key in known.acknowledged if not times[key] or key in differing]
    doubled = [key for key, count in times.items() if count > 1 or key not in known.sent]
    wrong = [f"{check.name}: {check.detail}" for check in verify(store) if not check.ok]
    if not _profiles_agree(store):
        wrong.append("profiles differ from those of the rows")
    return Found(lost=len(lost), doubled=len(doubled), wrong=tuple(wrong))


def _stored(store: Store) -> Iterator[tuple[str, Event]]:
    for rows in store.rows.tail(MODEL, 0):
        for row in rows.to_pylist():
            yield (
                "inferences",
                {"id": row["_id"], "x": row["x"], "carrier": row["carrier"], "score": row["_score"]},
            )
    for row in store.database.rows(f'SELECT id, value FROM labels."{MODEL}"'):
        yield "labels", {"id": row["id"], "value": row["value"]}


def _profiles_agree(store: Store) -> bool:
    """Tell whether the profile that grew through all crashes is that of the rows, made afresh."""
    model, binning = store.catalog.model(MODEL), store.catalog.binning(MODEL)
    if binning is None:
        return store.rows.count(MODEL) == 0
    reached = store.profiles.up_to_seq(MODEL)
    segments = model.segments
    tail = store.rows.tail(MODEL, 0, reached)
    fresh = [part for rows in tail for part in profile_rows(rows, model.schema, binning, segments)]
    deltas = store.rows.outcome_deltas(MODEL, 0, reached)
    fresh += profile_truths(deltas, model.schema, binning, segments)
    fresh.append(profile_segments(deltas, model.schema, binning))
    expected = merge(pa.concat_tables(fresh)).cast(PIECES)
    return bool(merge(store.profiles.pieces(MODEL)).cast(PIECES).equals(expected)) and reached == store.rows.last_seq(
        MODEL
    )


def planted(known: Known, database: Path, folder: Path) -> tuple[bool, bool]:
    """Return whether an acknowledged event taken out of a copy of the store is missed, and one put in twice seen."""
    victim = min(name for kind, name in known.acknowledged if kind == "inferences")
    table = f'captured."{MODEL}"'
    caught = []
    for name, statement in (
        ("loss", f"DELETE FROM {table} WHERE _id = ?"),
        ("double", f"INSERT INTO {table} SELECT * FROM {table} WHERE _id = ?"),
    ):
        copy = folder / f"planted-{name}" / database.name
        copy.parent.mkdir()
        for part in database.parent.glob(f"{database.name}*"):
            shutil.copy(part, copy.parent)
        with Store.open(copy) as store:
            before = compare(known, store)
            store.database.query(statement, [victim])
            after = compare(known, store)
        caught.append((after.lost - before.lost, after.doubled - before.doubled) == ((1, 0), (0, 1))[name == "double"])
    return caught[0], caught[1]
