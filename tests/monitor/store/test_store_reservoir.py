"""The rows that samples are made of: the same however rows came, few a day, and there when others have gone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.schema.fate import place
from monitor.store import Store, reservoir
from monitor.types import Window

START = datetime(2013, 5, 1, tzinfo=UTC)
ALWAYS = Window(START - timedelta(days=1), START + timedelta(days=30))
LATER = START + timedelta(days=30)


def filled(store: Store, batch, sizes: list[int], monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    monkeypatch.setattr(reservoir, "ROWS", 7)
    monkeypatch.setattr(reservoir, "STEP", step)
    first = 0
    for size in sizes:
        done = store.rows.commit("flights", batch(first, size), None)
        while store.reservoir.step("flights", done.last_seq, LATER):
            pass
        first += size
    return store.reservoir.rows("flights", ALWAYS)["_id"].to_pylist()


def test_the_lowest_hashes_of_each_day_however_rows_came(
    store: Store, model, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 3_000  # one a minute: two days and a bit
    expected = []
    for day in range(3):
        ids = [f"r{number}" for number in range(day * 1440, min(rows, (day + 1) * 1440))]
        expected += sorted(ids, key=place)[:7]
    assert sorted(filled(store, batch, [rows], monkeypatch, 50_000)) == sorted(expected)
    with Store.open(":memory:") as other:
        other.catalog.put_model(model)
        assert sorted(filled(other, batch, [1, 999, 500, 1500], monkeypatch, 137)) == sorted(expected)


def test_rows_stay_when_others_have_gone_and_have_their_labels(
    store: Store, batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = filled(store, batch, [100], monkeypatch, 50_000)
    store.database.query("DELETE FROM captured.flights")
    found = store.reservoir.rows("flights", ALWAYS)
    assert found["_id"].to_pylist() == kept
    assert {"_label", "_label_time", "delay"} <= set(found.column_names)
    assert store.reservoir.rows("flights", ALWAYS, limit=3).num_rows == 3
    assert not np.isnan(found["delay"].to_numpy()).any()


def test_old_rows_go_and_a_step_that_fails_is_undone(store: Store, batch, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(store, batch, [10], monkeypatch, 50_000)
    monkeypatch.setattr(reservoir, "KEEP_DAYS", 1)
    last = store.rows.commit("flights", batch(5 * 1440, 10), None).last_seq
    before = store.reservoir.reached("flights")
    with monkeypatch.context() as patched:
        patched.setattr(store.reservoir, "_let_go", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.reservoir.step("flights", last, LATER)
    assert store.reservoir.reached("flights") == before
    assert store.reservoir.step("flights", last, LATER) is False
    assert min(store.reservoir.rows("flights", ALWAYS)["_time"].to_pylist()) == START + timedelta(days=5)
