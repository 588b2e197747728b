"""When the store fails under the committer, nothing is lost, doubled or counted twice."""

from dataclasses import replace
from threading import current_thread

import duckdb
import pyarrow as pa
import pytest

from monitor.errors import InvalidInput, Unavailable
from monitor.ingest import Ingest
from monitor.ingest.live import Live
from monitor.schema import Conformed
from monitor.store import Store, verify
from monitor.store.database import Database
from monitor.types import Label, Model, Window


class Fault:
    """Makes COMMIT raise on the committer's thread, before or after the group has become durable."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, durable: bool, times: int = 1) -> None:
        self.left = times
        original = Database._commit

        def commit(database: Database) -> None:
            if self.left and database._on_commit:
                self.left -= 1
                real = database._mine.cursor
                real.execute("COMMIT" if durable else "ROLLBACK")
                database._mine.cursor = Dead()
            original(database)

        monkeypatch.setattr(Database, "_commit", commit)


class Dead:
    def execute(self, *_: object) -> None:
        raise duckdb.FatalException("COMMIT succeeded and is durable, but the autocheckpoint failed")


@pytest.mark.parametrize("durable", [True, False])
def test_a_commit_that_raises_is_answered_right(
    ingest: Ingest, store: Store, rows, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    ingest.submit("flights", rows(0, 10), source="http", received=10).result(120)
    fault = Fault(monkeypatch, durable)
    future = ingest.submit("flights", rows(10, 10), source="http", received=10)
    if durable:
        assert future.result(120).stored == 10
    else:
        with pytest.raises(Unavailable):
            future.result(120)
    assert fault.left == 0
    again = ingest.submit("flights", rows(10, 10), source="http", received=10).result(120)
    assert (again.duplicate, again.stored) == ((10, 0) if durable else (0, 10))
    assert store.rows.count("flights") == 20


def test_a_group_is_tried_again_one_by_one(ingest: Ingest, store: Store, rows, monkeypatch: pytest.MonkeyPatch) -> None:
    futures = []
    with store.transaction():
        futures.append(ingest.submit("flights", rows(0, 1), source="http", received=1))
        futures += [ingest.submit("flights", rows(n, 1), source="http", received=1) for n in range(1, 9)]
        fault = Fault(monkeypatch, durable=False)
    results = [future.exception(20) for future in futures]
    assert fault.left == 0
    assert (
        sum(result is not None for result in results) <= 1
    )  # a submission that was alone is told; others are tried again
    assert store.rows.count("flights") == sum(result is None for result in results)


def test_one_bad_submission_does_not_spoil_the_others(ingest: Ingest, store: Store, rows) -> None:
    good = rows(0, 5)
    column = good.batch.schema.get_field_index("delay")
    bad = Conformed(rows(5, 5).batch.set_column(column, "delay", pa.array(["x"] * 5)))
    with store.transaction():
        first = ingest.submit("flights", rows(10, 1), source="http", received=1)
        middle = ingest.submit("flights", bad, source="http", received=5)
        last = ingest.submit("flights", good, source="http", received=5)
    assert (first.result(120).stored, last.result(120).stored) == (1, 5)
    with pytest.raises((InvalidInput, Unavailable)):
        middle.result(120)
    assert store.rows.count("flights") == 6


def test_a_failing_flush_is_tried_again(store: Store, clock, rows, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Ingest(store, clock)
    ingest.start()
    batch = rows(0, 100).batch
    ingest.submit("flights", rows(0, 100), source="http", received=100).result(120)
    labelled = batch.append_column("_label", pa.array(["late"] * 100))
    from monitor.types import Window

    times = batch["_time"].to_pylist()
    ingest.register_reference("flights", "1", labelled, Window(times[0], times[-1]))
    ingest.submit("flights", rows(100, 100), source="http", received=100).result(120)
    real, broken = store.profiles.append, []

    def fails_once(*arguments: object, **more: object) -> None:
        if not broken:
            broken.append(True)
            raise Unavailable("no space")
        real(*arguments, **more)

    monkeypatch.setattr(store.profiles, "append", fails_once)
    with pytest.raises(Unavailable):
        ingest.flush()
    ingest.stop()
    assert store.profiles.up_to_seq("flights") == store.rows.last_seq("flights") == 200
    assert all(check.ok for check in verify(store))


def test_a_reference_is_registered_with_its_profile_or_not_at_all(
    ingest: Ingest, store: Store, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version whose reference has rows but no profile would be compared with nothing for ever."""
    batch = rows(0, 200).batch
    batch = batch.append_column("_label", pa.nulls(200, pa.string()))
    span = Window(batch["_time"][0].as_py(), batch["_time"][-1].as_py())

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError):  # noqa: PT012 - one call, under a fault
        broken.setattr(Live, "_profile_reference", fail)
        ingest.register_reference("flights", "1", batch, span)
    assert store.catalog.versions("flights") == []
    assert store.catalog.binning("flights") is None
    ingest.register_reference("flights", "1", batch, span)
    assert store.profiles.reference("flights", "1").num_rows > 0


def test_every_model_is_compacted_in_its_turn(
    ingest: Ingest, store: Store, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(model, name="other", schema=replace(model.schema, model="other"))
    store.catalog.put_model(other)
    compacted = []
    monkeypatch.setattr(store.profiles, "compact", lambda name, before: compacted.append(name))
    monkeypatch.setattr("monitor.ingest.flusher._COMPACT_EVERY", 2)
    for _ in range(2):
        ingest._flusher._flush("flights")
        ingest._flusher._flush("other")
    assert set(compacted) == {"flights", "other"}


def test_a_store_that_cannot_be_read_while_it_refuses_does_not_end_the_committer(
    ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread counts what it refuses by model: were that to end it, nothing would be stored until a restart."""
    model = store.catalog.model

    def lost(*_: object) -> Model:
        raise Unavailable("The store lost its connection")

    def unread(name: str) -> Model:
        return lost() if current_thread().name == "watchglass-committer" else model(name)

    def send() -> int:
        labels = [Label(id="r1", value="late")]
        return ingest.submit("flights", None, labels, source="http", received=1).result(60).stored

    with monkeypatch.context() as broken:
        broken.setattr(store.catalog, "model", unread)
        broken.setattr("monitor.ingest.committer.settle", lost)
        with pytest.raises(Unavailable, match="lost its connection"):
            send()
    assert send() == 1
    assert sum(ingest.refusals.totals().values()) == 1
