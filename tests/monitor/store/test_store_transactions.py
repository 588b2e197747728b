"""Transactions: all or nothing, snapshots, and what happens when a commit raises."""

from dataclasses import replace
from threading import Thread

import duckdb
import pytest

from monitor.errors import NotFound, Unavailable
from monitor.store import CommitUnknown, Store
from monitor.types import LedgerLine


class Cursor:
    """A cursor whose next COMMIT raises, before or after it has become durable."""

    def __init__(self, real: object, durable: bool) -> None:
        self._real, self._durable, self.armed = real, durable, True

    def execute(self, statement: str, *arguments: object) -> object:
        if statement == "COMMIT" and self.armed:
            self.armed = False
            self._real.execute("COMMIT" if self._durable else "ROLLBACK")
            raise duckdb.FatalException("disk full")
        return self._real.execute(statement, *arguments)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def fail_commit(store: Store, *, durable: bool) -> None:
    store.database.cursor()
    store.database._mine.cursor = Cursor(store.database._mine.cursor, durable)


def line(rows: int) -> LedgerLine:
    return LedgerLine(model="flights", source="http", outcome="stored", reason="", rows=rows)


def test_several_models_become_durable_together_or_not_at_all(store: Store, batch) -> None:
    other = replace(
        store.catalog.model("flights"),
        name="other",
        schema=replace(store.catalog.model("flights").schema, model="other"),
    )
    store.catalog.put_model(other)
    with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012 - the transaction is what is tested
        store.rows.commit("flights", batch(0, 5), None, [line(5)])
        store.rows.commit("other", batch(0, 5), None)
        raise ZeroDivisionError
    assert (store.rows.count("flights"), store.rows.last_seq("flights"), store.ledger.last()) == (0, 0, 0)
    assert store.rows.existing("flights", ["r1"]).num_rows == 0
    with store.transaction():
        first = store.rows.commit("flights", batch(0, 5), None, [line(5)])
        again = store.rows.commit("flights", batch(5, 5), None, [line(5)])
        third = store.rows.commit("other", batch(0, 5), None)
    assert (first.first_seq, first.last_seq, again.first_seq, again.last_seq) == (1, 5, 6, 10)
    assert first.number == again.number == third.number == store.ledger.last()
    assert store.rows.last_seq("other") == 5
    assert store.ledger.sealed() == store.ledger.last()


def test_nothing_uncommitted_is_remembered(store: Store) -> None:
    model = store.catalog.model("flights")
    with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012 - the transaction is what is tested
        store.catalog.put_model(replace(model, settings=replace(model.settings, owner="someone else")))
        assert store.catalog.model("flights").settings.owner == "someone else"
        raise ZeroDivisionError
    assert store.catalog.model("flights") == model


def test_a_snapshot_sees_one_moment(store: Store, batch) -> None:
    with store.snapshot():
        assert store.rows.count("flights") == 0
        writer = Thread(target=store.rows.commit, args=("flights", batch(0, 5), None))
        writer.start()
        writer.join()
        assert store.rows.count("flights") == 0
    assert store.rows.count("flights") == 5


def test_nothing_can_be_written_inside_a_snapshot(store: Store, batch) -> None:
    with store.snapshot(), pytest.raises(RuntimeError, match="inside a snapshot"):
        store.rows.commit("flights", batch(0, 5), None)
    assert store.rows.commit("flights", batch(0, 5), None).last_seq == 5


@pytest.mark.parametrize("durable", [True, False])
def test_a_commit_that_raises_is_looked_up(store: Store, batch, durable: bool) -> None:
    store.rows.commit("flights", batch(0, 3), None, [line(3)])
    number = None
    fail_commit(store, durable=durable)
    with pytest.raises(CommitUnknown, match="disk full"), store.transaction():
        number = store.rows.commit("flights", batch(3, 4), None, [line(4)]).number
    assert store.ledger.settle(number) is durable
    assert store.rows.count("flights") == store.rows.last_seq("flights") == (7 if durable else 3)
    assert store.rows.existing("flights", ["r3"]).num_rows == durable
    assert store.ledger.sealed() == store.ledger.last()


def test_other_threads_go_on_after_the_connection_was_replaced(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 3), None)
    counts = []

    def reader() -> None:
        counts.append(store.rows.count("flights"))
        ready.append(True)
        while not replaced:
            pass
        try:
            counts.append(store.rows.count("flights"))
        except Unavailable:
            counts.append(store.rows.count("flights"))

    ready: list[bool] = []
    replaced: list[bool] = []
    thread = Thread(target=reader)
    thread.start()
    while not ready:
        pass
    store.database.replace()
    replaced.append(True)
    thread.join()
    assert counts == [3, 3]


def test_a_failing_side_file_is_not_acknowledged(store: Store, batch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise Unavailable("no space")

    monkeypatch.setattr(store._seal, "write", full)
    with pytest.raises(Unavailable, match="no space"):
        store.rows.commit("flights", batch(0, 3), None, [line(3)])
    monkeypatch.undo()
    assert store.rows.last_seq("flights") == 3
    assert store.rows.existing("flights", ["r1"]).num_rows == 1
    assert store.rows.commit("flights", batch(3, 1), None, [line(1)]).first_seq == 4


def test_a_closed_store_says_so(path, model) -> None:
    store = Store.open(path)
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.catalog.models()


def test_a_database_in_memory_survives_a_replaced_connection(model, batch) -> None:
    with Store.open(":memory:") as store:
        store.catalog.put_model(model)
        store.rows.commit("flights", batch(0, 3), None)
        store.database.replace()
        assert store.rows.count("flights") == 3
        with pytest.raises(NotFound):
            store.catalog.model("other")


@pytest.mark.parametrize("late", [True, False])
def test_a_transaction_whose_connection_another_thread_replaced_leaves_nothing(store: Store, late: bool) -> None:
    """Its later half must not be written alone: a watermark without its measurements would lose a window for good."""
    with pytest.raises(Unavailable, match="middle of a tr"), store.transaction():  # noqa: PT012 - it is what is tested
        store.ledger.add([line(5)])
        other = Thread(target=store.database.replace)
        other.start()
        other.join()
        if not late:
            store.measurements.set_watermark("drift", "flights", store.catalog.model("flights").created)
    assert store.ledger.last() == 0
    assert store.measurements.watermark("drift", "flights") is None
    store.ledger.add([line(5)])
    assert store.ledger.last() == 1, "the next transaction works"


def test_a_snapshot_whose_connection_was_replaced_does_not_go_on_in_another_state(store: Store, batch) -> None:
    with pytest.raises(Unavailable, match="middle of a tr"), store.snapshot():  # noqa: PT012 - it is what is tested
        assert store.rows.count("flights") == 0
        other = Thread(target=lambda: (store.database.replace(), store.rows.commit("flights", batch(0, 5), None)))
        other.start()
        other.join()
        store.rows.count("flights")
    assert store.rows.count("flights") == 5
