"""Profiles follow the rows exactly: under any grouping, flush, restart, or change of bins."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.ingest import Ingest
from monitor.ingest.live import FREEZE_ROWS
from monitor.profile.binning import Binning
from monitor.profile.build import profile, profile_outcomes
from monitor.profile.comoments import profile_comoments
from monitor.profile.freeze import make_binning
from monitor.profile.pieces import merge
from monitor.profile.segment_sums import profile_segments
from monitor.store import Store, verify
from monitor.types import ALL, Feature, Kind, Label, Window

from datetime import UTC, datetime  # isort: skip

START = datetime(2013, 5, 1, tzinfo=UTC)
YEAR = Window(START, START + timedelta(days=365))


def reference(ingest: Ingest, rows, count: int = 500) -> None:
    batch = rows(100_000, count).batch
    labels = pa.array(["late", "on time", None] * count, pa.string()).slice(0, count)
    times = batch["_time"].to_pylist()
    ingest.register_reference("flights", "1", batch.append_column("_label", labels), Window(times[0], times[-1]))


def expected(store: Store, segments=("carrier",)) -> pa.Table:
    """Profile everything that is stored, at once, with each row's present label."""
    schema, binning = store.catalog.model("flights").schema, store.catalog.binning("flights")
    everything = store.rows.inferences("flights", limit=10**6)
    labelled = everything.filter(pa.compute.is_valid(everything["_label"]))
    labelled = labelled.append_column("_sign", pa.array([1] * len(labelled), pa.int8()))
    parts = [profile(everything, schema, binning, segments), profile_outcomes(labelled, schema, binning, segments)]
    parts.append(profile_comoments(everything, schema, binning))
    return merge(pa.concat_tables([*parts, profile_segments(labelled, schema, binning)]))


def nonzero(pieces: pa.Table) -> list[dict]:
    """Return merged pieces without those that corrections have brought back to nothing."""
    return [piece for piece in merge(pieces).to_pylist() if any(piece["counts"])]


def send(ingest: Ingest, rows=None, labels=()) -> None:
    received = (rows.batch.num_rows if rows else 0) + len(labels)
    ingest.submit("flights", rows, labels, source="http", received=received).result(120)


def replay(ingest: Ingest, rows, sizes: list[int], seed: int) -> None:
    """Send the same 600 rows in groups of these sizes, with late, early and corrected labels between them."""
    rng = np.random.default_rng(seed)
    first = 0
    for number, size in enumerate(sizes):
        send(ingest, rows(first, size))
        first += size
        chosen = rng.integers(0, 600, 20)
        send(ingest, None, [Label(id=f"r{n}", value=["late", "on time"][(n + number) % 2]) for n in chosen])
        if number % 3 == seed % 3:
            ingest.flush()
    # the last word is the same however it came to it
    send(ingest, None, [Label(id=f"r{n}", value=["late", "on time"][n % 2]) for n in range(0, 600, 2)])
    send(ingest, None, [Label(id=f"r{n}", value=["late", "on time"][n % 3 % 2]) for n in range(1, 600, 2)])


def test_the_same_rows_in_any_groups_give_the_same_profiles(store: Store, tmp_path: Path, clock, model, rows) -> None:
    found = []
    for number, sizes in enumerate([[600], [20] * 30, [1, 99, 250, 250]]):
        with Store.open(tmp_path / f"{number}.db") as each:
            each.catalog.put_model(model)
            ingest = Ingest(each, clock, flush_rows=[50, 137, 10_000][number])
            ingest.start()
            reference(ingest, rows)
            replay(ingest, rows, sizes, seed=number)
            pieces = ingest.pieces("flights", YEAR)
            assert nonzero(pieces) == nonzero(expected(each))
            ingest.stop()
            assert nonzero(ingest.pieces("flights", YEAR)) == nonzero(pieces)
            assert all(check.ok for check in verify(each))
            found.append(nonzero(pieces))
    assert found[0] == found[1] == found[2]


def test_after_a_restart_the_tail_is_profiled_again(path: Path, clock, model, rows) -> None:
    with Store.open(path) as store:
        store.catalog.put_model(model)
        ingest = Ingest(store, clock, flush_seconds=3600)
        ingest.start()
        reference(ingest, rows)
        send(ingest, rows(0, 50))
        ingest.flush()
        send(ingest, rows(50, 50), [Label(id="r3", value="late")])
        before = merge(ingest.pieces("flights", YEAR))
        ingest._queue.close()  # an abrupt end: what is in memory only is gone
    with Store.open(path) as store:
        assert store.profiles.up_to_seq("flights") < store.rows.last_seq("flights")
        again = Ingest(store, clock)
        assert merge(again.pieces("flights", YEAR)).equals(before)
        again.start()
        again.stop()
        assert store.profiles.up_to_seq("flights") == store.rows.last_seq("flights")
        assert merge(store.profiles.pieces("flights")).equals(before)


def test_pieces_are_one_moment_while_rows_come_and_pieces_are_flushed(ingest: Ingest, store: Store, rows) -> None:
    """Every look at the pieces shows whole submissions of ten rows, never fewer than the look before."""
    reference(ingest, rows)
    binning = store.catalog.binning("flights")
    done: list[bool] = []
    problems: list[str] = []

    def look() -> None:
        last = 0
        while not done:
            count = total(ingest.pieces("flights", YEAR, columns=["delay"], segment=ALL), binning)
            if count % 10 or count < last:
                problems.append(f"{count} after {last}")
            last = count

    def flush() -> None:
        while not done:
            ingest.flush()
            store.profiles.compact("flights", YEAR.end)

    threads = [Thread(target=look), Thread(target=look), Thread(target=flush)]
    for thread in threads:
        thread.start()
    for number in range(60):
        future = ingest.submit("flights", rows(number * 10, 10), source="http", received=10)
        future.result(120)
        seen = total(ingest.pieces("flights", YEAR, columns=["delay"], segment=ALL), binning)
        assert seen == (number + 1) * 10  # what is acknowledged is seen
    done.append(True)
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_flush_in_the_middle_of_a_look_is_not_seen(
    ingest: Ingest, store: Store, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between taking the pieces in memory and reading the store's, others commit and flush."""
    reference(ingest, rows)
    send(ingest, rows(0, 10))
    before = merge(ingest.pieces("flights", YEAR))
    original = store.profiles.pieces

    def meanwhile() -> None:
        send(ingest, rows(10, 10))
        ingest.flush()

    def read(*arguments: object, **more: object) -> pa.Table:
        other = Thread(target=meanwhile)
        other.start()
        other.join()
        return original(*arguments, **more)

    monkeypatch.setattr(store.profiles, "pieces", read)
    looked = merge(ingest.pieces("flights", YEAR))
    monkeypatch.undo()
    assert looked.equals(before)
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store))


def total(pieces: pa.Table, binning: Binning) -> int:
    from monitor.profile.column import ColumnProfile

    merged = merge(pieces, by=["column", "binning"]) if pieces.num_rows else pieces
    return sum(
        ColumnProfile("delay", binning.columns["delay"], np.array(piece["counts"])).rows for piece in merged.to_pylist()
    )


def test_without_a_reference_bins_freeze_themselves(ingest: Ingest, store: Store, rows) -> None:
    send(ingest, rows(0, FREEZE_ROWS - 1))
    assert ingest.pieces("flights", YEAR).num_rows == 0
    send(ingest, rows(FREEZE_ROWS - 1, 101))
    pieces = ingest.pieces("flights", YEAR)
    assert store.catalog.binning("flights").id == "auto-1"
    first = pa.concat_tables(list(store.rows.tail("flights", 0))).slice(0, FREEZE_ROWS)
    made = make_binning(first, store.catalog.model("flights").schema)
    assert replace(made, id="auto-1").to_json() == store.catalog.binning("flights").to_json()
    assert merge(pieces).equals(expected(store))


def test_a_reference_replaces_self_made_bins_and_everything_is_profiled_again(
    ingest: Ingest, store: Store, rows
) -> None:
    send(ingest, rows(0, FREEZE_ROWS), [Label(id="r7", value="late")])
    ingest.flush()
    reference(ingest, rows)
    pieces = ingest.pieces("flights", YEAR)
    assert set(pieces["binning"].to_pylist()) == {store.catalog.binning("flights").id} != {"auto-1"}
    assert merge(pieces).equals(expected(store))
    assert store.profiles.reference("flights", "1").num_rows > 0


def test_the_bins_belong_to_the_model_and_a_second_reference_keeps_them(ingest: Ingest, store: Store, rows) -> None:
    reference(ingest, rows)
    binning = store.catalog.binning("flights").id
    other = rows(200_000, 200, version="2").batch
    labels = pa.array(["late"] * 200, pa.string())
    ingest.register_reference("flights", "2", other.append_column("_label", labels), YEAR)
    assert store.catalog.binning("flights").id == binning
    for version, count in (("1", 500), ("2", 200)):
        found = store.profiles.reference("flights", version, ["delay"])
        assert total(found, store.catalog.binning("flights")) == count
    outcome = store.profiles.reference("flights", "2", ["_outcome"])
    assert outcome.num_rows > 0


def test_another_reference_of_a_version_makes_bins_anew_and_profiles_all_rows_again(
    ingest: Ingest, store: Store, rows
) -> None:
    """What is normal is another thing now: bins of the old one would call half of it never seen."""
    reference(ingest, rows)
    send(ingest, rows(0, 200), [Label(id="r7", value="late")])
    ingest.flush()
    old = store.catalog.binning("flights").id
    again(ingest, rows, version="1", far=5_000.0)
    made = store.catalog.binning("flights")
    assert made.id != old
    assert made.columns["delay"].edges[-1] > 5_000
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store))
    assert total(store.profiles.reference("flights", "1", ["delay"]), made) == 200
    again(ingest, rows, version="1", far=5_000.0)
    assert store.catalog.binning("flights").id == made.id, "the same rows are the same bins"
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store))


def test_a_further_version_whose_values_lie_outside_the_bins_makes_them_anew_on_all_references(
    ingest: Ingest, store: Store, rows
) -> None:
    reference(ingest, rows)
    send(ingest, rows(0, 200))
    again(ingest, rows, version="2", far=5_000.0)
    made = store.catalog.binning("flights")
    bins = made.columns["delay"]
    assert bins.edges[0] < 1_000 < 5_000 < bins.edges[-1]
    for version, count in (("1", 500), ("2", 200)):
        assert total(store.profiles.reference("flights", version, ["delay"]), made) == count
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store))


def test_a_reference_that_is_sent_once_more_changes_no_bins(ingest: Ingest, store: Store, rows) -> None:
    """A client's retry: bins made anew on both references would cost what days without rows are compared with."""
    reference(ingest, rows)
    batch = rows(100_000, 200, version="2").batch
    labelled = batch.append_column("_label", pa.array(["late", "on time"] * 100, pa.string()))
    made = store.catalog.binning("flights").id
    for order in (range(200), range(199, -1, -1)):
        ingest.register_reference("flights", "2", labelled.take(list(order)), YEAR)
        assert store.catalog.binning("flights").id == made
    ingest.register_reference("flights", "2", batch.append_column("_label", pa.nulls(200, pa.string())), YEAR)
    assert store.catalog.binning("flights").id != made, "other labels are another reference"


def again(ingest: Ingest, rows, version: str, far: float) -> None:
    """Register a reference whose delays are longer than any before."""
    batch = rows(200_000, 200, version=version).batch
    place = batch.schema.get_field_index("delay")
    delays = pc.add(batch["delay"], far)
    batch = batch.set_column(place, batch.schema.field("delay"), delays)
    ingest.register_reference("flights", version, batch.append_column("_label", pa.nulls(200, pa.string())), YEAR)


def test_a_reference_is_profiled_once_and_again_where_segments_are_other_ones(
    ingest: Ingest, store: Store, model, clock, rows
) -> None:
    """And is what a fresh process makes of it, which does not know what was profiled before."""
    reference(ingest, rows)
    assert store.profiles.references_replaced("flights") == 1
    seen = []
    for segments in ((), ("delay",), ("carrier",)):
        store.catalog.put_model(replace(model, settings=replace(model.settings, segments=segments)))
        ingest.flush()
        seen.append(merge(store.profiles.reference("flights", "1", segment=None)))
        again = Ingest(store, clock)
        store.profiles.append("flights", seen[-1].slice(0, 0), 0, basis="other")
        again.flush()
        assert merge(store.profiles.reference("flights", "1", segment=None)).equals(seen[-1])
    assert seen[0].num_rows < seen[1].num_rows
    assert "carrier=" in "".join(seen[2]["segment"].to_pylist())


def test_other_segments_or_a_new_feature_begin_again(ingest: Ingest, store: Store, model, rows) -> None:
    reference(ingest, rows)
    send(ingest, rows(0, 100))
    ingest.flush()
    store.catalog.put_model(replace(model, settings=replace(model.settings, segments=())))
    assert set(ingest.pieces("flights", YEAR)["segment"].to_pylist()) == {ALL}
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store, segments=()))
    assert set(store.profiles.reference("flights", "1", segment=None)["segment"].to_pylist()) == {ALL}
    wider = replace(model.schema, features=(*model.schema.features, Feature(name="gate", kind=Kind.CATEGORICAL)))
    store.catalog.put_model(replace(model, schema=wider))
    batch = rows(100_000, 100).batch.append_column("gate", pa.array(["B4"] * 100))
    ingest.register_reference("flights", "2", batch.append_column("_label", pa.nulls(100, pa.string())), YEAR)
    assert "gate" in set(ingest.pieces("flights", YEAR)["column"].to_pylist())
    assert merge(ingest.pieces("flights", YEAR)).equals(expected(store))


def test_pieces_inside_a_transaction_are_refused(ingest: Ingest, store: Store) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"), store.snapshot():
        ingest.pieces("flights", YEAR)


def looked_at(store: Store, up_to: int) -> None:
    store.measurements.set_seen("flights", up_to, was=store.measurements.seen("flights"))


def test_what_was_measured_against_something_else_is_measured_again(store: Store, ingest: Ingest, rows) -> None:
    """The first bins, a first or replaced reference, other segments: and only the rows that it changes."""
    send(ingest, rows(0, FREEZE_ROWS - 1))
    looked_at(store, FREEZE_ROWS - 1)
    send(ingest, rows(FREEZE_ROWS - 1, 1))
    ingest.flush()  # bins of the rows themselves
    assert store.measurements.seen("flights") == 0
    looked_at(store, FREEZE_ROWS)
    reference(ingest, rows)  # of version 1
    assert store.measurements.seen("flights") == 0
    send(ingest, rows(FREEZE_ROWS, 10, version="2"))
    last = store.rows.last_seq("flights")
    looked_at(store, last)
    batch = rows(200_000, 300, version="2").batch
    spanned = Window(START, START + timedelta(days=300))
    ingest.register_reference("flights", "2", batch.append_column("_label", pa.nulls(300, pa.string())), spanned)
    assert store.measurements.seen("flights") == last - 10
    looked_at(store, last)
    ingest.register_reference("flights", "3", batch.append_column("_label", pa.nulls(300, pa.string())), spanned)
    assert store.measurements.seen("flights") == last  # it has no rows yet, and every other its own reference
    model = store.catalog.model("flights")
    store.catalog.put_model(replace(model, settings=replace(model.settings, segments=())))
    ingest.flush()
    assert store.measurements.seen("flights") == 0


def test_looking_again_is_not_forgotten_by_a_look_under_way(store: Store) -> None:
    looked_at(store, 10)
    store.measurements.look_again("flights", 3)
    store.measurements.look_again("flights", 7)
    store.measurements.set_seen("flights", 12, was=10)
    assert store.measurements.seen("flights") == 3
