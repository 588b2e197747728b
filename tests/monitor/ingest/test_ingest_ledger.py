"""Every row has one fate, and the counts say which."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.errors import NotFound, Unavailable
from monitor.ingest import Ingest, Receipt
from monitor.schema import Conformed, Rejected
from monitor.store import Store
from monitor.types import Label, Model
from tests.waiting import until


def send(ingest: Ingest, conformed: Conformed | None, labels=(), **more: object) -> Receipt:
    received = more.pop(
        "received", (0 if conformed is None else conformed.batch.num_rows + len(conformed.rejected)) + len(labels)
    )
    return ingest.submit("flights", conformed, labels, source="http", received=received, **more).result(120)


def fates(store: Store) -> dict[tuple[str, str, str], int]:
    return {(line.source, line.outcome, line.reason): line.rows for line in store.ledger.lines("flights")}


def test_new_rows_are_stored_and_repeats_are_duplicates(ingest: Ingest, store: Store, rows) -> None:
    assert send(ingest, rows(0, 10)) == Receipt(received=10, stored=10)
    assert send(ingest, rows(5, 10)) == Receipt(received=10, stored=5, duplicate=5)
    assert send(ingest, rows(0, 3, version="2")) == Receipt(received=3, stored=3)
    assert store.rows.count("flights") == 18
    assert fates(store) == {("http", "stored", ""): 18, ("http", "duplicate", "same_content"): 5}


def test_rows_without_ids_are_all_stored(ingest: Ingest, rows) -> None:
    assert send(ingest, rows(0, 5, ids=False)).stored == 5
    assert send(ingest, rows(0, 5, ids=False)).stored == 5


def test_the_same_id_with_other_content_is_a_conflict_kept_aside(ingest: Ingest, store: Store, rows) -> None:
    send(ingest, rows(0, 4))
    sent = Conformed(rows(2, 4, shift=9.0).batch, [Rejected(0, None, "bad_id", "id: got int")])
    receipt = send(ingest, sent)
    assert (receipt.stored, receipt.rejected) == (2, 3)
    assert [(error.row, error.id, error.reason) for error in receipt.errors] == [
        (0, None, "bad_id"),
        (1, "r2", "conflict"),
        (2, "r3", "conflict"),
    ]
    letters = {letter.id: letter for letter in store.letters.query("flights")}
    assert json.loads(letters["r2"].body)["features"]["delay"] == pytest.approx(
        rows(2, 1, shift=9.0).batch["delay"][0].as_py()
    )
    assert store.rows.inference("flights", "r2")["delay"] == rows(2, 1).batch["delay"][0].as_py()
    assert fates(store)["http", "rejected", "conflict"] == 2


def test_repeats_within_one_group_are_seen(ingest: Ingest, store: Store, rows) -> None:
    """Held back by a transaction, several submissions are committed as one group."""
    with store.transaction():
        first = ingest.submit("flights", rows(0, 3), source="http", received=3)
        second = ingest.submit("flights", rows(2, 3), source="http", received=3)
        third = ingest.submit("flights", rows(4, 1, shift=1.0), source="import", received=1)
    assert [
        (found.stored, found.duplicate, found.rejected)
        for found in (first.result(120), second.result(120), third.result(120))
    ] == [
        (3, 0, 0),
        (2, 1, 0),
        (0, 0, 1),
    ]
    assert store.rows.count("flights") == 5


def test_what_could_not_be_read_is_counted(ingest: Ingest, store: Store, rows) -> None:
    assert send(ingest, rows(0, 2), received=5) == Receipt(received=5, stored=2, rejected=3)
    assert fates(store)["http", "rejected", "malformed"] == 3
    with pytest.raises(ValueError, match="received=1"):
        ingest.submit("flights", rows(0, 2), source="http", received=1)


def test_client_drops_are_cumulative_and_idempotent(ingest: Ingest, store: Store, rows) -> None:
    def drops(client: str, **totals: int) -> int:
        return send(ingest, None, client=client, drops=totals).dropped

    assert drops("u1", queue_full=5) == 5
    assert drops("u1", queue_full=5) == 0
    assert drops("u1", queue_full=3) == 0
    assert drops("u1", queue_full=12, too_large=1) == 8
    assert drops("u2", queue_full=2) == 2
    assert send(ingest, rows(0, 1), client="u2", drops={"queue_full": 3}) == Receipt(received=2, stored=1, dropped=1)
    assert fates(store)["http", "dropped", "queue_full"] == 15
    assert store.ledger.received() == {("flights", "http"): 17}


def test_labels_late_early_corrected_and_repeated(ingest: Ingest, store: Store, rows) -> None:
    send(ingest, rows(0, 2))
    assert send(ingest, None, [Label(id="r0", value="late"), Label(id="r5", value=0)]).stored == 2
    assert send(ingest, None, [Label(id="r0", value="late"), Label(id="r5", value="on time")]).duplicate == 2
    assert send(ingest, None, [Label(id="r0", value="on time"), Label(id="r0", value="late")]).stored == 2
    send(ingest, rows(5, 1))
    assert store.rows.inference("flights", "r0")["_label"] == "late"
    assert store.rows.inference("flights", "r5")["_label"] == "on time"
    assert fates(store)["labels", "stored", ""] == 4


@pytest.mark.parametrize(
    ("history", "then", "repeats"),
    [
        ([], (None, "late"), False),
        ([(None, "late")], (None, "late"), True),
        ([(None, "late")], ("1", "late"), True),
        ([("1", "late")], (None, "late"), False),
        ([("1", "late")], ("1", "late"), True),
        ([("1", "late")], ("2", "late"), False),
        ([(None, "late"), ("1", "on time")], (None, "late"), False),
        ([(None, "late"), ("1", "on time")], ("2", "late"), True),
        ([(None, "late"), ("1", "on time"), ("1", "late")], (None, "late"), True),
        ([("1", "on time"), (None, "late")], (None, "late"), True),
    ],
)
def test_a_label_repeats_only_if_it_changes_no_version(ingest: Ingest, history, then, repeats: bool) -> None:
    for version, value in history:
        send(ingest, None, [Label(id="r0", value=value, version=version)])
    receipt = send(ingest, None, [Label(id="r0", value=then[1], version=then[0])])
    assert (receipt.duplicate, receipt.stored) == (int(repeats), int(not repeats))


def test_what_is_no_truth_of_this_model_is_rejected_with_a_reason(ingest: Ingest, store: Store, clock, rows) -> None:
    labels = [
        Label(id="", value="late"),
        Label(id="a", value="early"),
        Label(id="b", value=float("nan")),
        Label(id="c", value="late", version="No/Name"),
        Label(id="d", value="late", time=clock.now() + timedelta(minutes=6)),
        Label(id="e", value="late"),
    ]
    receipt = send(ingest, rows(0, 2), labels)
    assert (receipt.received, receipt.stored, receipt.rejected) == (8, 3, 5)
    assert [(error.row, error.reason) for error in receipt.errors] == [
        (2, "bad_id"),
        (3, "bad_label"),
        (4, "bad_label"),
        (5, "bad_version"),
        (6, "clock_skew"),
    ]
    assert "on time, late" in receipt.errors[1].detail


def test_several_models_in_one_group(ingest: Ingest, store: Store, model: Model, rows) -> None:
    store.catalog.put_model(replace(model, name="other", schema=replace(model.schema, model="other")))
    with store.transaction():
        futures = [
            ingest.submit(name, rows(0, 5), [Label(id="r0", value="late")], source="http", received=6)
            for name in ("flights", "other")
        ]
    assert [future.result(120).stored for future in futures] == [6, 6]
    assert store.ledger.received() == {
        (name, source): count for name in ("flights", "other") for source, count in (("http", 5), ("labels", 1))
    }


def test_an_unknown_model_is_refused_at_once(ingest: Ingest, rows) -> None:
    with pytest.raises(NotFound, match="Registered: flights"):
        ingest.submit("nope", rows(0, 1), source="http", received=1)


def test_a_full_queue_refuses_and_loses_nothing(store: Store, clock, rows) -> None:
    ingest = Ingest(store, clock, max_bytes=20_000)
    ingest.start()
    futures = []
    with store.transaction():
        futures.append(ingest.submit("flights", rows(0, 1), source="http", received=1))
        until(lambda: not ingest.waiting_bytes)  # the committer has taken it, and waits for the transaction
        while ingest.waiting_bytes < 18_000:
            futures.append(ingest.submit("flights", rows(len(futures), 1), source="http", received=1))
        with pytest.raises(Unavailable, match="again"):
            ingest.submit("flights", rows(0, 50), source="http", received=50)
        assert 0 < ingest.waiting_bytes <= 20_000
        assert ingest.refusals.totals() == {("flights", "queue_full"): 1}
    assert all(future.result(120).stored == 1 for future in futures)
    assert store.rows.count("flights") == len(futures)
    ingest.stop()
    with pytest.raises(Unavailable, match="not running"):
        ingest.submit("flights", rows(0, 1), source="http", received=1)


def test_it_starts_again_after_a_stop(ingest: Ingest, store: Store, rows) -> None:
    send(ingest, rows(0, 3))
    ingest.stop()
    ingest.start()
    assert send(ingest, rows(2, 3)) == Receipt(received=3, stored=2, duplicate=1)


def test_stopping_answers_everything_that_waits(store: Store, clock, rows) -> None:
    ingest = Ingest(store, clock)
    ingest.start()
    futures = [ingest.submit("flights", rows(n, 1), source="http", received=1) for n in range(50)]
    ingest.stop()
    assert sum(future.result(0).stored for future in futures) == 50
