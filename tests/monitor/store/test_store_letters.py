"""Dead letters are bounded, and each has one end, which is counted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import BURIED, DeadLetter, Limits, Store, verify
from monitor.store.database import Database
from monitor.store.migrations import steps
from monitor.types import Feature, Kind, LedgerLine, Model, ModelSchema, Settings, Task

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SMALL = Limits(body_bytes=10, days=7, letters=20, total_bytes=10_000)


def opened(limits: Limits = SMALL) -> Store:
    store = Store.open(":memory:", limits=limits)
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
    store.catalog.put_model(Model(name="m", schema=schema, settings=Settings(), created=NOW))
    return store


def letter(number: int, *, body: bytes = b"{}", at: datetime = NOW, reason: str = "bad_id") -> DeadLetter:
    return DeadLetter(
        model="m", source="http", id=f"r{number}", reason=reason, detail="d", received=at, form="inferences", body=body
    )


def bury(store: Store, *letters: DeadLetter) -> None:
    lines = [
        LedgerLine(model="m", source="http", outcome=outcome, reason="bad_id", rows=len(letters))
        for outcome in ("received", "rejected")
    ]
    store.rows.commit("m", None, None, lines, letters)


def kept(store: Store) -> list[str | None]:
    return [found.id for found in store.letters.query("m")]


def adds_up(store: Store) -> bool:
    return all(check.ok for check in verify(store))


def test_over_the_limit_the_oldest_go_and_are_counted() -> None:
    with opened() as store:
        for start in range(0, 45, 5):
            bury(store, *(letter(number) for number in range(start, start + 5)))
            assert len(kept(store)) <= 20
        ends = store.letters.ends("m")
        assert kept(store)[0] == "r44"
        assert ends["m", BURIED] == 45
        assert ends["m", "crowded_out"] == 45 - len(kept(store)) >= 25
        assert adds_up(store)


def test_of_one_group_that_is_larger_than_all_that_is_kept_the_last_are() -> None:
    with opened() as store:
        bury(store, *(letter(number) for number in range(100)))
        assert kept(store) == [f"r{number}" for number in range(99, 79, -1)]
        assert adds_up(store)


def test_bytes_are_bounded_one_by_one_and_together() -> None:
    with opened(Limits(body_bytes=100, letters=1000, total_bytes=1_000)) as store:
        bury(store, *(letter(number, body=b"x" * 150) for number in range(30)))
        found = store.letters.query("m")
        assert sum(len(each.body) for each in found) <= 1_000
        assert {(len(each.body), each.size, each.cut) for each in found} == {(100, 150, True)}
        assert adds_up(store)


def test_the_newest_of_a_flood_do_not_push_out_another_models() -> None:
    with opened() as store:
        schema = ModelSchema(model="n", task=Task.REGRESSION, features=())
        store.catalog.put_model(Model(name="n", schema=schema, settings=Settings(), created=NOW))
        other = DeadLetter(model="n", source="http", id="quiet", reason="r", detail="d", received=NOW)
        store.rows.commit("n", None, None, [], [other])
        bury(store, *(letter(number) for number in range(100)))
        assert [found.id for found in store.letters.query("n")] == ["quiet"]


def test_they_go_after_their_time_replayed_or_not() -> None:
    with opened() as store:
        bury(store, letter(1), letter(2), letter(3, at=NOW + timedelta(days=3)))
        one = store.letters.query("m", after=-1, limit=1)[0]
        with store.transaction():
            store.letters.mark_replayed("m", [one.number], NOW)
        assert store.letters.get("m", one.number).body == b""
        assert store.letters.expire(NOW + timedelta(days=7)) == 1  # the other one was counted as replayed
        assert kept(store) == ["r3"]
        ends = store.letters.ends("m")
        assert ends == {("m", BURIED): 3, ("m", "replayed"): 1, ("m", "expired"): 1}
        assert adds_up(store)


def test_marking_twice_counts_once() -> None:
    with opened() as store:
        bury(store, letter(1))
        number = store.letters.query("m")[0].number
        for _ in range(2):
            with store.transaction():
                store.letters.mark_replayed("m", [number, number + 1], NOW)
        assert store.letters.ends("m")["m", "replayed"] == 1


def test_a_letter_that_vanishes_uncounted_is_found_by_verify() -> None:
    with opened() as store:
        bury(store, letter(1), letter(2))
        store.database.query("DELETE FROM letters WHERE id = 'r1'")
        (wrong,) = [check for check in verify(store) if not check.ok]
        assert wrong.name == "m: each dead letter has one end"
        assert "2 kept, 1 waiting" in wrong.detail


def test_a_rolled_back_group_leaves_no_letter() -> None:
    with opened() as store:
        with pytest.raises(RuntimeError), store.transaction():  # noqa: PT012 - what came before it is undone
            bury(store, letter(1))
            raise RuntimeError
        assert kept(store) == []
        assert adds_up(store)


def test_letters_of_the_format_before_are_still_there(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = Database(path)
    old.query("CREATE TABLE migrations (number INTEGER, applied TIMESTAMP DEFAULT current_timestamp)")
    for number, file in steps():
        if number < 4:
            old.query(file.read_text("utf-8"))
            old.query("INSERT INTO migrations (number) VALUES (?)", [number])
    old.query("INSERT INTO models VALUES ('m', ?, '{}', '2026-01-01')",
              ['{"model": "m", "task": "regression", "features": []}'])  # fmt: skip
    old.query("CREATE TABLE captured.m (_id VARCHAR)")
    for number, body in enumerate(['\'{"a": "é"}\'', "''", "NULL"]):
        old.query(f"INSERT INTO dead_letters VALUES ('m', 'http', 'r{number}', 'conflict', 'd', {body}, '2026-04-30')")
    old.query("INSERT INTO ledger VALUES (7, 'm', 'http', 'rejected', 'conflict', 3)")
    old.close()
    with Store.open(path) as store:
        found = store.letters.query("m", after=-1)
        assert [(each.id, each.body.decode(), each.form, each.cut) for each in found] == [
            ("r0", '{"a": "é"}', "note", False),
            ("r1", "", "note", False),
            ("r2", "", "note", False),
        ]
        assert store.letters.ends("m") == {("m", BURIED): 3}
        assert store.ledger.last() == 7
