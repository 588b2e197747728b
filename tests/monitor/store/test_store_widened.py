"""A store made before the canonical batch gained columns goes on, whatever its opening is interrupted by."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.store import Store, tables, verify
from monitor.types import Model

FRESH = ("_device", "_device_ms", "_memory_mb")


@pytest.fixture
def old(path: Path, model: Model, batch) -> Path:
    """A file with rows and reference in tables that lack the columns."""
    with Store.open(path) as store:
        store.catalog.put_model(model)
        store.rows.commit("flights", batch(0, 10), None)
        store.database.query("CHECKPOINT")
        for table in (tables.captured("flights"), tables.reference("flights")):
            for name in FRESH:
                store.database.query(f"ALTER TABLE {table} DROP COLUMN {name}")
        store.database.query("CHECKPOINT")
    return path


def held(store: Store) -> tuple[int, object, object]:
    found = store.rows.inference("flights", "r3")
    return store.rows.last_seq("flights"), found["carrier"], found["_device_ms"]


def test_an_old_store_gains_the_columns_and_keeps_its_rows(old: Path, batch) -> None:
    with Store.open(old) as store:
        assert held(store) == (10, "B", None)
        store.rows.commit("flights", batch(10, 5), None)
        assert store.rows.last_seq("flights") == 15
    with Store.open(old) as store:
        assert held(store) == (15, "B", None)


@pytest.mark.parametrize("instant", ["before the file is written", "after more rows"])
def test_a_crash_after_the_columns_were_added_loses_nothing(old: Path, instant: str) -> None:
    """The log then holds the change of the tables, and is replayed."""
    more = "store.rows.commit('flights', store.rows.inferences('flights', limit=3).drop_columns(DROP), None)"
    program = f"""
import os
from monitor.store import Store, tables
from monitor.store.database import Database
DROP = ["_seq", "_label", "_label_time"]
query = Database.query
def crashing(self, statement, *rest, **named):
    if statement == "CHECKPOINT":
        if {instant.startswith("before")}:
            os._exit(9)
        return None
    return query(self, statement, *rest, **named)
Database.query = crashing
store = Store.open({str(old)!r})
{more}
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 9, done.stderr
    with Store.open(old) as store:
        assert held(store) == (10 if instant.startswith("before") else 13, "B", None)
        names = {row["column_name"] for row in store.database.rows(f"DESCRIBE {tables.reference('flights')}")}
        assert names.issuperset(FRESH)


def test_a_store_of_today_is_not_touched_when_opened(store: Store, model: Model, monkeypatch) -> None:
    said: list[str] = []
    query = store.database.query
    monkeypatch.setattr(store.database, "query", lambda text, *a, **k: said.append(text) or query(text, *a, **k))
    tables.widen_old(store.database, [model.schema])
    assert said
    assert all(text.startswith(("SELECT", "DESCRIBE")) for text in said)
    assert all(check.ok for check in verify(store))


@pytest.mark.parametrize("table", ["narrow", "captured"])
def test_a_table_that_is_not_there_is_made_when_the_store_is_opened(path: Path, model: Model, batch, table) -> None:
    with Store.open(path) as store:
        store.catalog.put_model(model)
        store.database.query(f"DROP TABLE {table}.flights")
    with Store.open(path) as store:
        assert store.catalog.model("flights") == model
        store.rows.commit("flights", batch(0, 10), None)
        assert store.rows.last_seq("flights") == 10
        assert store.database.integer("SELECT count(*) FROM narrow.flights") == 0
