"""Halves answered from the journal: what was foreseen is what the tables then say, whatever happens in between."""

import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.clock import ManualClock
from monitor.collectors import Half
from monitor.ingest import Collected, Ingest, meeting, pending
from monitor.ingest.arrivals import Arrival, arrival
from monitor.ingest.flusher import Flusher
from monitor.ingest.journal import Journal
from monitor.store import HalfLimits, Store, verify


@pytest.fixture(autouse=True)
def _nobody_is_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let halves stay in the journal until a test asks."""
    monkeypatch.setattr(pending, "SOON_SECONDS", 3600.0)
    monkeypatch.setattr(Flusher, "_run", lambda _: None)


def half(number: int, side: str, shift: float = 0.0, **more: object) -> Arrival:
    columns = {"delay": [number + shift]} if side == "request" else {"output": [[(number + shift) / 1e6]]}
    name = f"e{number}"
    return arrival(Half(side=side, rows=1, columns=columns, exchange=name, **more), name)


def send(ingest: Ingest, *halves: Arrival) -> Collected:
    told = ingest.submit("flights", None, source="kserve", received=0, halves=halves).result(120)
    assert isinstance(told, Collected)
    return told


def in_tables(store: Store) -> tuple[int, int]:
    """Count the rows and halves that are in the tables now, without asking for what is pending."""
    with store.database.as_it_is():
        return store.rows.count("flights"), store.database.integer("SELECT count(*) FROM halves")


def unpaired(store: Store, clock: ManualClock) -> int:
    return sum(count.unpaired for count in store.halves.counts(clock.now()))


def crashed(path: Path, to: Path) -> Path:
    """Return a copy of a store's files as they are this instant, as a crash would leave them."""
    to.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, to)
    return to / path.name


def test_both_halves_are_answered_before_anything_is_in_the_tables(ingest: Ingest, store: Store, clock) -> None:
    assert send(ingest, half(1, "response")) == Collected(received=0, waiting=1)
    assert send(ingest, half(1, "request")) == Collected(received=1, stored=1, paired=1, versions=["1"])
    assert send(ingest, half(1, "request")) == Collected(received=1, duplicate=1)
    assert in_tables(store) == (0, 0)
    assert store.rows.count("flights") == 1, "whoever reads finds it"
    assert unpaired(store, clock) == 0


def test_a_mate_that_is_in_the_tables_by_now_is_still_remembered(ingest: Ingest, store: Store, clock) -> None:
    send(ingest, half(1, "request"))
    assert unpaired(store, clock) == 1, "looking brings it in"
    assert in_tables(store) == (0, 1)
    assert send(ingest, half(1, "response")).stored == 1
    assert in_tables(store) == (0, 1), "the journal was enough"
    assert send(ingest, half(1, "request", shift=0.5)).rejected == 1
    assert (in_tables(store), unpaired(store, clock)) == ((1, 0), 0)


@pytest.mark.parametrize("halves", [("request",), ("request", "response")])
def test_a_crash_loses_no_half_that_was_answered(
    ingest: Ingest, store: Store, path: Path, tmp_path: Path, clock, halves: tuple[str, ...]
) -> None:
    received = clock.now()
    for side in halves:
        send(ingest, half(1, side))
    clock.advance(received + timedelta(hours=1))
    with Store.open(crashed(path, tmp_path / "after")) as after:
        again = Ingest(after, clock)
        again.start()
        told = send(again, half(1, "response"))
        assert (told.stored, told.duplicate) == ((1, 0) if len(halves) == 1 else (0, 1))
        assert after.rows.count("flights") == 1
        fate = "late" if len(halves) == 1 else "paired"
        assert after.halves.fates()["flights", "kserve", "request"] == {"received": 1, fate: 1}
        row = after.rows.inferences("flights", limit=1).to_pylist()[0]
        assert (row["_time"], row["_score"]) == (received, 1e-6), "when it was asked, not when it was found again"
        again.stop()
        assert [check.name for check in verify(after) if not check.ok] == []


def test_what_the_journal_refuses_is_not_remembered(
    ingest: Ingest, store: Store, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(ingest, half(1, "request"))

    def full(_: Journal, __: bytes) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "append", full)
        assert send(ingest, half(1, "response")).stored == 1
        assert send(ingest, half(2, "request")).waiting == 1
    assert in_tables(store) == (1, 1), "they went through the tables"
    assert send(ingest, half(1, "response")).duplicate == 1
    assert send(ingest, half(2, "response")).stored == 1
    assert (store.rows.count("flights"), unpaired(store, clock)) == (2, 0)


def test_halves_beyond_what_is_remembered_are_found_in_the_tables(
    ingest: Ingest, store: Store, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting, "MOST", 2)
    for number in range(6):
        send(ingest, half(number, "request"))
        store.database.catch_up()
    assert len(ingest._committer._swift.meeting._seen) <= 3
    assert [send(ingest, half(number, "response")).stored for number in range(6)] == [1] * 6
    assert (store.rows.count("flights"), unpaired(store, clock)) == (6, 0)


def test_a_half_that_has_expired_is_not_waited_for(ingest: Ingest, store: Store, clock) -> None:
    for number in range(3):
        send(ingest, half(number, "request"))
    store.halves.limits = HalfLimits(halves=1)
    assert ingest._committer.expire_halves(clock.now()) == 2
    assert send(ingest, half(0, "response")).waiting == 1
    assert send(ingest, half(2, "response")).stored == 1
    assert unpaired(store, clock) == 1


def test_an_exchange_that_has_expired_is_not_remembered_longer_than_in_the_tables(
    ingest: Ingest, store: Store, clock: ManualClock
) -> None:
    for side in ("request", "response"):
        send(ingest, half(1, side))
    clock.advance(clock.now() + timedelta(days=store.halves.limits.days, hours=1))
    assert ingest._committer.expire_halves(clock.now()) == 0
    assert send(ingest, half(1, "request")) == Collected(received=0, waiting=1)
    assert unpaired(store, clock) == 1


def test_halves_expire_though_more_keep_coming(ingest: Ingest, store: Store, clock: ManualClock) -> None:
    """There is always one that is not in the tables yet, because it came while profiles were being written."""
    store.halves.limits = HalfLimits(halves=1)
    with store.database.as_it_is():  # as the flusher takes it
        for number in range(4):
            send(ingest, half(number, "request"))
        assert ingest._committer.expire_halves(clock.now()) == 3
    assert store.halves.fates()["flights", "kserve", "request"] == {"received": 4, "expired": 3}


def test_rows_that_could_be_refused_or_repeated_are_foreseen_only_if_certain(ingest: Ingest, store: Store) -> None:
    """Two exchanges with rows of one id: the second is a conflict, which only the tables can tell."""
    ids = {"columns": {"id": ["same"], "delay": [1.0]}}
    for number, score in ((1, 0.25), (2, 0.5)):
        name = f"e{number}"
        send(ingest, arrival(Half(side="request", rows=1, exchange=name, **ids), name))
        answer = Half(side="response", rows=1, columns={"output": [score]}, exchange=name)
        told = send(ingest, arrival(answer, name))
        assert (told.stored, told.rejected) == ((1, 0), (0, 1))[number - 1]
    assert store.rows.count("flights") == 1
    assert [letter.reason for letter in store.letters.query("flights")] == ["conflict"]


@pytest.mark.parametrize("seed", range(4))
def test_receipts_from_memory_are_those_of_the_tables(model, tmp_path: Path, clock, seed: int) -> None:
    """The same halves, in the same groups, with and without a journal; some are repeated, contradicted or bad."""
    draw = random.Random(seed)
    events = [(number, side, 0.0) for number in range(60) for side in ("request", "response")]
    events += [(*draw.choice(events)[:2], draw.choice((0.0, 0.5))) for _ in range(30)]
    draw.shuffle(events)
    groups = []
    while events:
        size = draw.choice((1, 1, 2, 5))
        groups.append([half(*event, version=draw.choice((None, "1", "2"))) for event in events[:size]])
        del events[:size]
    looks = [draw.random() < 0.2 for _ in groups]
    told: dict[bool, list[Collected]] = {}
    for journal in (False, True):
        with Store.open(tmp_path / f"{journal}.db") as store:
            store.catalog.put_model(model)
            ingest = Ingest(store, clock, journal=journal)
            ingest.start()
            told[journal] = []
            for group, look in zip(groups, looks, strict=True):
                told[journal].append(send(ingest, *group))
                if look:
                    store.rows.count("flights")
            ingest.stop()
            assert [check.name for check in verify(store) if not check.ok] == []
            assert store.rows.count("flights") == sum(receipt.stored for receipt in told[journal])
    assert told[True] == told[False]
