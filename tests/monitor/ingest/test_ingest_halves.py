"""Halves of exchanges: however they come, in whatever groups, each pair becomes rows once and the rest is counted."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitor.collectors import Half
from monitor.ingest import Ingest
from monitor.ingest.arrivals import Arrival, arrival
from monitor.store import Store, verify

SIDES = ("request", "response")


def half(number: int, side: str, shift: float = 0.0) -> Arrival:
    """One side of exchange ``number``; every seventh has two rows."""
    rows = 2 if number % 7 == 0 else 1
    values = [float(number) + shift] * rows
    columns = {"delay": values} if side == "request" else {"output": [[value / 1e6] for value in values]}
    name = f"e{number}"
    return arrival(Half(side=side, rows=rows, columns=columns, exchange=name), name)


def sent(ingest: Ingest, halves: list[Arrival]):
    return ingest.submit("flights", None, source="kserve", received=0, halves=halves).result(120)


def unpaired(store: Store, clock) -> dict[str, int]:
    return {count.side: count.unpaired for count in store.halves.counts(clock.now()) if count.unpaired}


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_grouping_gives_the_same_rows_and_counts(ingest: Ingest, store: Store, clock, seed) -> None:
    """Against an oracle that knows what was sent: 300 exchanges, some without a side, some events twice or changed."""
    draw = random.Random(seed)
    missing = {number: draw.choice(SIDES) for number in draw.sample(range(300), 15)}
    events = [(number, side) for number in range(300) for side in SIDES if missing.get(number) != side]
    repeated = draw.sample(events, 20)
    shuffled = [(number, side) for number, side in events + repeated]
    draw.shuffle(shuffled)
    batches = []
    while shuffled:
        size = draw.choice((1, 1, 1, 3, 40))
        batches.append([half(number, side) for number, side in shuffled[:size]])
        del shuffled[:size]
    with ThreadPoolExecutor(2) as senders:
        told = list(senders.map(lambda halves: sent(ingest, halves), batches))
    rows = store.rows.inferences("flights", limit=1_000).to_pylist()
    whole = [number for number in range(300) if number not in missing]
    assert Counter(row["_id"].split(":")[0] for row in rows) == {f"e{n}": 2 if n % 7 == 0 else 1 for n in whole}
    assert all(row["_scores"] == [row["delay"] / 1e6] for row in rows)
    lacking = Counter(missing.values())
    expected = {side: lacking[other] for side, other in zip(SIDES, reversed(SIDES), strict=True)}
    assert unpaired(store, clock) == {side: count for side, count in expected.items() if count}
    assert sum(receipt.duplicate for receipt in told) == len(repeated)
    assert sum(receipt.stored for receipt in told) == len(rows)


def test_a_half_with_other_content_conflicts_before_and_after_its_pair(ingest: Ingest, store: Store) -> None:
    assert sent(ingest, [half(1, "request")]).waiting == 1
    assert sent(ingest, [half(1, "request", shift=0.5)]).rejected == 1
    assert sent(ingest, [half(1, "response")]).paired == 1
    assert sent(ingest, [half(1, "response", shift=0.5), half(1, "response")]).duplicate == 1
    assert [letter.reason for letter in store.letters.query("flights")] == ["conflict", "conflict"]
    assert store.rows.count("flights") == 1


def test_halves_outlive_a_restart_and_so_does_what_was_paired(path: Path, model, clock) -> None:
    for number, halves in enumerate(
        ([half(1, "request"), half(2, "request")], [half(1, "response")], [half(1, "request")])
    ):
        with Store.open(path) as store:
            store.catalog.put_model(model)
            ingest = Ingest(store, clock)
            ingest.start()
            told = sent(ingest, halves)
            ingest.stop()
            assert (told.waiting, told.paired, told.duplicate) == [(2, 0, 0), (0, 1, 0), (0, 0, 1)][number]
            assert [check.name for check in verify(store) if not check.ok] == []


def test_a_group_that_is_undone_keeps_no_half_of_it(store: Store, clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a pair fail to be written: both halves are as before, and the next try pairs them."""
    ingest = Ingest(store, clock, journal=False)
    ingest.start()
    sent(ingest, [half(1, "request")])
    with monkeypatch.context() as patched:
        patched.setattr(store.rows, "commit", lambda *_: 1 / 0)
        with pytest.raises(Exception, match="could not be stored"):
            sent(ingest, [half(1, "response")])
    assert unpaired(store, clock) == {"request": 1}
    assert sent(ingest, [half(1, "response")]).paired == 1
    ingest.stop()
    assert [check.name for check in verify(store) if not check.ok] == []


def test_no_more_halves_are_kept_than_allowed(
    ingest: Ingest, store: Store, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first, and are counted as expired."""
    sent(ingest, [half(number, "request") for number in range(8)])
    limits = type(store.halves.limits)(halves=5)
    monkeypatch.setattr(store.halves, "limits", limits)
    monkeypatch.setattr(store.halves, "_look", clock.now())
    assert store.halves.expire(clock.now()) == 3
    assert sorted(half.exchange for half in store.halves.newest("flights")) == ["e3", "e4", "e5", "e6", "e7"]
    assert store.halves.fates()["flights", "kserve", "request"] == {"received": 8, "expired": 3}


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM halves",
        "INSERT INTO halves SELECT * FROM halves",
        "INSERT INTO exchanges SELECT seq, model, source, exchange, 1, 2, received FROM halves",
        "UPDATE ledger SET rows = rows + 1 WHERE outcome = 'half_received'",
    ],
)
def test_planted_damage_to_halves_is_noticed(store: Store, clock, damage: str) -> None:
    ingest = Ingest(store, clock)
    ingest.start()
    sent(ingest, [half(1, "request")])
    ingest.stop()
    assert [check.name for check in verify(store) if not check.ok] == []
    store.database.query(damage)
    assert any("halves received" in check.name for check in verify(store) if not check.ok)
