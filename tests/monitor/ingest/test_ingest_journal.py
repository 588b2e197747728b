"""Rows answered from the journal: durable at once, in the tables as soon as anybody looks, and the same as ever."""

import os
import random
import shutil
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import monitor.ingest.frames as in_frames
from monitor.clock import ManualClock
from monitor.errors import InvalidInput, Unavailable
from monitor.ingest import Ingest, Receipt, pending
from monitor.ingest.flusher import Flusher
from monitor.ingest.journal import Journal, frames, packed
from monitor.schema import conform, is_plain
from monitor.store import Store, verify
from monitor.types import Inference, Label, Model, Window

START, NOW = datetime(2013, 5, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)
ALWAYS = Window(START, datetime(2015, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _nobody_is_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rows stay in the journal until a test asks."""
    monkeypatch.setattr(pending, "SOON_SECONDS", 3600.0)
    monkeypatch.setattr(Flusher, "_run", lambda _: None)


def inference(number: int, shift: float = 0.0, **more: object) -> Inference:
    chance = random.Random(number)
    features = {"delay": chance.gauss(0, 1) + shift, "carrier": "ABC"[number % 3]}
    return Inference(**{"id": f"r{number}", "features": features, "scores": (chance.random(),), **more})


def send(ingest: Ingest, *rows: Inference) -> "Future[Receipt]":
    """Hand rows in as the API does."""
    return ingest.submit("flights", None, source="http", received=len(rows), rows=list(rows), plain=True)


def in_tables(store: Store) -> int:
    """Count what is in the table now, without asking for what is pending."""
    with store.database.as_it_is():
        return store.rows.count("flights")


def crashed(path: Path, to: Path) -> Path:
    """Return a copy of a store's files as they are this instant, as a crash would leave them."""
    to.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, to)
    return to / path.name


def test_plain_rows_are_answered_before_they_are_in_the_tables(ingest: Ingest, store: Store) -> None:
    assert send(ingest, inference(1)).result(120) == Receipt(received=1, stored=1)
    assert in_tables(store) == 0
    assert store.rows.count("flights") == 1, "whoever reads finds them"
    assert in_tables(store) == 1
    assert [(line.outcome, line.rows) for line in store.ledger.lines()] == [("stored", 1)]


def test_every_way_of_reading_finds_what_was_answered(ingest: Ingest, store: Store) -> None:
    reads = [
        lambda: store.rows.last_seq("flights"),
        lambda: len(store.rows.inferences("flights", limit=9)),
        lambda: sum(line.rows for line in store.ledger.lines()),
        lambda: (store.rows.located("flights", f"r{store.rows.count('flights') - 1}") or (0,))[0],
    ]
    for number, read in enumerate(reads):
        send(ingest, inference(number)).result(120)
        assert read() == number + 1
    send(ingest, inference(4)).result(120)
    with store.snapshot():
        assert store.rows.count("flights") == 5
    send(ingest, inference(5)).result(120)
    with store.transaction():
        assert store.rows.count("flights") == 6


def test_a_label_finds_the_row_that_came_just_before(ingest: Ingest, store: Store) -> None:
    send(ingest, inference(1)).result(120)
    ingest.submit("flights", None, [Label(id="r1", value="late")], source="http", received=1).result(120)
    assert store.rows.inferences("flights", limit=9)["_label"].to_pylist() == ["late"]


def test_a_repeat_and_a_conflict_are_told_while_the_first_is_pending(ingest: Ingest, store: Store) -> None:
    send(ingest, inference(1)).result(120)
    assert in_tables(store) == 0
    assert send(ingest, inference(1)).result(120).duplicate == 1
    assert send(ingest, inference(1, shift=1.0)).result(120).errors[0].reason == "conflict"
    assert store.rows.count("flights") == 1


@pytest.mark.parametrize(
    "row",
    [
        inference(1, time=NOW + timedelta(hours=1)),
        inference(1, time="2099-01-01T00:00:00Z"),
        inference(1, time="yesterday"),
    ],
    ids=["ahead", "ahead as text", "unreadable"],
)
def test_rows_whose_fate_is_not_certain_go_the_other_way(ingest: Ingest, store: Store, row: Inference) -> None:
    receipt = send(ingest, row).result(120)
    assert in_tables(store) == receipt.stored
    assert store.ledger.received() == {("flights", "http"): 1}


def test_values_that_the_journal_cannot_hold_go_the_other_way(ingest: Ingest, store: Store) -> None:
    odd = replace(inference(1), features={"delay": 10**30, "carrier": "\ud800"})
    assert send(ingest, odd).result(120).stored == 1
    assert in_tables(store) == 1


def test_when_it_was_received_is_when_it_was_answered(ingest: Ingest, store: Store, clock: ManualClock) -> None:
    moments = [NOW + timedelta(minutes=number) for number in range(3)]
    for number, moment in enumerate(moments):
        clock.advance(moment)
        send(ingest, inference(number, time=START if number == 1 else None)).result(120)
    rows = store.rows.inferences("flights", limit=9).sort_by("_id")
    assert rows["_received"].to_pylist() == moments
    assert rows["_time"].to_pylist() == [moments[0], START, moments[2]]


def test_a_row_without_an_id_gets_one(ingest: Ingest, store: Store) -> None:
    send(ingest, inference(1, id=None)).result(120)
    send(ingest, inference(1, id=None)).result(120)
    assert len(set(store.rows.inferences("flights", limit=9)["_id"].to_pylist())) == 2


def test_a_crash_loses_nothing_that_was_answered(ingest: Ingest, path: Path, tmp_path: Path, clock) -> None:
    for number in range(5):
        send(ingest, inference(number)).result(120)
    with Store.open(crashed(path, tmp_path / "after")) as left:
        assert left.rows.count("flights") == 0
        again = Ingest(left, clock)
        assert in_tables(left) == 5, "brought in before anything is taken"
        again.start()
        assert send(again, inference(4)).result(120).duplicate == 1
        again.stop()
        assert all(check.ok for check in verify(left))


def test_a_torn_end_was_never_answered_and_is_cut(ingest: Ingest, path: Path, tmp_path: Path, clock) -> None:
    send(ingest, inference(1)).result(120)
    copy = crashed(path, tmp_path / "after")
    journal = copy.with_name(copy.name + ".journal")
    whole = journal.read_bytes()
    torn = packed(2, b"x" * 500)
    for length in (1, 4, 19, 20, 21, 519):
        journal.write_bytes(whole + torn[:length])
        assert [frame.number for frame in Journal(copy).read(0).frames] == [1]
        assert journal.read_bytes() == whole
    with Store.open(copy) as left:
        Ingest(left, clock)
        assert in_tables(left) == 1
        assert all(check.ok for check in verify(left))


def test_damage_in_the_middle_is_put_aside_told_and_does_not_stop_the_rest(
    ingest: Ingest, path: Path, tmp_path: Path, clock
) -> None:
    for number in range(3):
        send(ingest, inference(number)).result(120)
    copy = crashed(path, tmp_path / "after")
    journal = copy.with_name(copy.name + ".journal")
    data = bytearray(journal.read_bytes())
    data[[place for place, _ in frames(bytes(data))][1] + 40] ^= 1
    journal.write_bytes(data)
    for start in range(2):  # told again at the next start, and no worse
        with Store.open(copy) as left:
            again = Ingest(left, clock)
            again.start()
            ids = set(left.rows.inferences("flights", limit=9)["_id"].to_pylist())
            assert ids - {"r10"} == {"r0", "r2"}
            assert [check.name for check in verify(left) if not check.ok] == ["nothing acknowledged was cut off"]
            assert len(left.ledger.losses()) == 1
            assert send(again, inference(10 + start)).result(120).stored == 1
            again.stop()
    assert journal.with_name(f"{journal.name}.damaged").read_bytes() == data


@pytest.mark.parametrize("place", [0, 12, 40, -1], ids=["mark", "number", "payload", "end"])
def test_a_last_frame_that_is_whole_but_damaged_counts_as_lost(
    ingest: Ingest, path: Path, tmp_path: Path, clock, place: int
) -> None:
    """It cannot be told from one that was answered: it is not cut as a torn end is, but counted and put aside."""
    for number in range(2):
        send(ingest, inference(number)).result(120)
    copy = crashed(path, tmp_path / "after")
    journal = copy.with_name(copy.name + ".journal")
    data = bytearray(journal.read_bytes())
    begin = [place for place, _ in frames(bytes(data))][1]
    data[place if place < 0 else begin + place] ^= 1
    journal.write_bytes(data)
    for start in range(2):
        with Store.open(copy) as left:
            again = Ingest(left, clock)
            again.start()
            assert in_tables(left) == 1 + start
            assert len(left.ledger.losses()) == 1
            assert [check.name for check in verify(left) if not check.ok] == ["nothing acknowledged was cut off"]
            assert send(again, inference(10 + start)).result(120).stored == 1
            again.stop()
    assert journal.with_name(f"{journal.name}.damaged").read_bytes() == data


def test_damage_to_what_is_in_the_tables_by_now_is_no_loss(path: Path) -> None:
    journal = Journal(path)
    for _ in range(3):
        journal.append(b"x" * 90)
    data = bytearray(journal.path.read_bytes())
    data[-1] ^= 1
    journal.path.write_bytes(data)
    assert Journal(path).read(3).missing == 0
    journal.path.write_bytes(data)
    assert Journal(path).read(2).missing == 1


def test_a_frame_that_could_not_be_synced_is_taken_back(
    ingest: Ingest, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows go the other way then; the journal goes on where it was."""
    send(ingest, inference(1)).result(120)
    journal = path.with_name(path.name + ".journal")
    before = journal.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_sync", full)
        assert send(ingest, inference(2)).result(120).stored == 1
    assert in_tables(store) == 2
    assert journal.read_bytes() == before
    send(ingest, inference(3)).result(120)
    assert [frame.number for _, frame in frames(journal.read_bytes())] == [1, 2]


def test_full_files_are_deleted_once_their_rows_are_in_the_tables(path: Path) -> None:
    journal = Journal(path, segment_bytes=100)
    for _ in range(5):
        journal.append(b"x" * 90)
    assert len(list(path.parent.glob("*.journal*"))) == 5
    journal.applied(3)
    assert [frame.number for frame in Journal(path).read(3).frames] == [4, 5]
    journal.applied(5)
    assert [file.name for file in path.parent.glob("*.journal*")] == ["watch.db.journal"]
    journal.close(5)
    assert (Journal(path).read(5).frames, Journal(path).read(5).missing) == ([], 0)


def test_missing_files_are_counted(path: Path) -> None:
    journal = Journal(path, segment_bytes=100)
    for _ in range(5):
        journal.append(b"x" * 90)
    path.with_name("watch.db.journal.00000000000000000002").unlink()
    found = Journal(path).read(0)
    assert ([frame.number for frame in found.frames], found.missing) == ([1, 3, 4, 5], 1)


def test_rows_that_the_tables_refuse_for_a_while_are_kept_and_brought_in_later(
    ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "AGAIN_SECONDS", 0.0)
    send(ingest, inference(1)).result(120)

    def refuse(*_: object) -> None:
        raise Unavailable("no")

    with monkeypatch.context() as broken:
        broken.setattr(pending, "settle", refuse)
        assert store.rows.count("flights") == 0
        with pytest.raises(Unavailable):  # which may be about that very row
            ingest.submit("flights", None, [Label(id="r1", value="late")], source="http", received=1).result(120)
        assert send(ingest, inference(2)).result(120).stored == 1
    assert store.rows.count("flights") == 2


def test_while_the_tables_refuse_rows_reading_goes_on_and_does_not_try_each_time(
    ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "AGAIN_SECONDS", 3600.0)
    tries: list[bool] = []

    def refuse(*_: object) -> None:
        tries.append(True)
        raise Unavailable("no")

    send(ingest, inference(1)).result(120)
    with monkeypatch.context() as broken:
        broken.setattr(pending, "settle", refuse)
        assert [store.rows.count("flights") for _ in range(5)] == [0] * 5
    assert tries == [True]
    ingest._pending._again = 0.0  # the hour is over


def test_no_more_is_pending_than_is_bounded(ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST_ROWS", 3)
    for number in range(4):
        send(ingest, inference(number)).result(120)
    assert in_tables(store) == 4, "the fourth waited until the others were in"


def test_a_row_that_the_tables_can_never_hold_becomes_a_dead_letter(
    ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = in_frames.conform

    def poisoned(rows: list[Inference], *given: object, **more: object) -> object:
        if any(row.id == "r1" for row in rows):
            raise InvalidInput("poison")
        return real(rows, *given, **more)

    monkeypatch.setattr(in_frames, "conform", poisoned)
    for number in range(3):
        send(ingest, inference(number)).result(120)
    assert store.rows.count("flights") == 2
    assert {(line.outcome, line.reason): line.rows for line in store.ledger.lines()} == {
        ("stored", ""): 2,
        ("rejected", "store_failed"): 1,
    }
    [letter] = store.letters.waiting()
    assert letter["letters"] == 1


def test_another_database_under_the_journal_stops_nothing(ingest: Ingest, path: Path, tmp_path: Path, clock) -> None:
    send(ingest, inference(1)).result(120)
    copy = crashed(path, tmp_path / "after")
    for name in (copy.name, copy.name + ".wal", copy.name + ".seq"):
        copy.with_name(name).unlink(missing_ok=True)
    with Store.open(copy) as other:
        Ingest(other, clock)
        assert len(other.ledger.losses()) == 1
        assert other.journaled.reached() == 1


@dataclass
class World:
    """One ingest and the files it works on; a crash goes on in a copy of the files."""

    path: Path
    model: Model
    journal: bool
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    receipts: list[Receipt] = field(default_factory=list)

    def open(self) -> None:
        self.store = Store.open(self.path)
        if not self.store.catalog.models():
            self.store.catalog.put_model(self.model)
        self.ingest = Ingest(self.store, self.clock, journal=self.journal, flush_seconds=3600)
        self.ingest.start()

    def crash(self) -> None:
        folder = self.path.parent
        copy = crashed(self.path, folder.with_name(folder.name + "x"))
        self.close()
        self.path = copy
        self.open()

    def close(self) -> None:
        self.ingest.stop()
        self.store.close()

    def state(self) -> dict[str, object]:
        """Return everything there is, with the seqs."""
        store = self.store
        rows = store.database.query("SELECT * EXCLUDE (_received) FROM captured.flights ORDER BY _seq")
        received = store.database.query("SELECT _received FROM captured.flights ORDER BY _seq").column(0).to_pylist()
        labels = store.database.query("SELECT * FROM labels.flights ORDER BY seq").to_pylist()
        letters = store.database.query("SELECT id, reason, detail, body FROM letters ORDER BY ALL").to_pylist()
        pieces = self.ingest.pieces("flights", ALWAYS).sort_by(
            [(name, "ascending") for name in ("version", "segment", "hour", "column")]
        )
        return {
            "rows": rows.to_pylist(),
            "received": received,
            "labels": labels,
            "letters": letters,
            "lines": store.ledger.lines(),
            "in": store.ledger.received(),
            "pieces": pieces.combine_chunks().to_pylist(),
            "receipts": self.receipts,
            "checks": [check for check in verify(store) if not check.ok],
        }


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_rows_labels_reads_and_crashes_ends_as_without_the_journal(
    tmp_path: Path, model: Model, seed: int
) -> None:
    """What was answered is compared answer by answer, and at the end all that is stored."""
    worlds = [World(tmp_path / name / "watch.db", model, name == "with") for name in ("with", "without")]
    chance = random.Random(seed)
    steps = [(chance.random(), chance.randrange(25), chance.randrange(1, 4)) for _ in range(60)]
    for world in worlds:
        world.open()
        reference = conform([inference(n) for n in range(300)], model.schema, source="reference", now=NOW).batch
        labelled = reference.append_column("_label", pa.nulls(300, pa.string()))
        world.ingest.register_reference("flights", "1", labelled, Window(START, NOW))
        for place, (draw, first, count) in enumerate(steps):
            world.clock.advance(NOW + timedelta(seconds=place))
            rows = [inference(n, shift=float(place % 7 == 3), time=START) for n in range(first, first + count)]
            if draw < 0.55:
                assert is_plain(rows, model.schema)
                world.receipts.append(send(world.ingest, *rows).result(120))
            elif draw < 0.7:
                batch = conform(rows, model.schema, source="file", now=world.clock.now())
                world.ingest.submit("flights", batch, source="file", received=count).result(120)
            elif draw < 0.85:
                truth = [Label(id=f"r{first}", value="late" if place % 2 else "on time")]
                world.ingest.submit("flights", None, truth, source="http", received=1).result(120)
            elif draw < 0.93:
                world.store.rows.count("flights")
            elif world.journal:
                world.crash()
    with_, without = (world.state() for world in worlds)
    assert with_ == without
    assert with_["rows"]
    assert with_["checks"] == []
    for world in worlds:
        world.close()
