"""Verifying: it must say yes to a sound store, and no to every kind of planted damage."""

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.profile.build import profile
from monitor.profile.freeze import make_binning
from monitor.store import Store, verify
from monitor.store.seal import Seal
from monitor.types import LedgerLine


def failed(store: Store) -> list[str]:
    return [check.name for check in verify(store) if not check.ok]


@pytest.fixture
def sound(store: Store, batch) -> Store:
    rows = batch(0, 500)
    lines = [
        LedgerLine(model="flights", source="http", outcome=outcome, reason=reason, rows=count)
        for outcome, reason, count in [("received", "", 503), ("stored", "", 500), ("rejected", "bad_id", 3)]
    ]
    store.rows.commit("flights", rows, None, lines)
    schema = store.catalog.model("flights").schema
    store.catalog.put_binning("flights", make_binning(rows, schema))
    pieces = profile(rows, schema, store.catalog.binning("flights"), ())
    store.profiles.append("flights", pieces, store.rows.last_seq("flights"), basis="x")
    assert failed(store) == []
    return store


@pytest.mark.parametrize(
    ("damage", "noticed"),
    [
        ("DELETE FROM captured.flights WHERE _id = 'r7'", "rows stored are there"),
        ("DELETE FROM captured.flights WHERE _id = 'r7'", "every row is in its hour's profile once"),
        ("INSERT INTO captured.flights SELECT * FROM captured.flights WHERE _id = 'r7'", "each id once a version"),
        ("UPDATE ledger SET rows = rows + 1 WHERE outcome = 'rejected'", "received = stored"),
        ("UPDATE ledger SET rows = rows - 1 WHERE outcome = 'stored'", "rows stored are there"),
        ("UPDATE profile_marks SET up_to_seq = 501", "profiles reach no further"),
        ("INSERT INTO profiles SELECT * FROM profiles LIMIT 200", "every row is in its hour's profile once"),
        ("INSERT INTO labels.flights VALUES (9, 'x', NULL, 'late', NULL, NULL)", "rows stored are there"),
    ],
)
def test_planted_damage_is_noticed(sound: Store, damage: str, noticed: str) -> None:
    sound.database.query(damage)
    assert any(noticed in name for name in failed(sound))


def test_sums_survive_compaction_of_the_ledger(sound: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sound.ledger.lines()
    monkeypatch.setattr("monitor.store.ledger._COMPACT_AT", 2)
    line = LedgerLine(model="flights", source="http", outcome="dropped", reason="queue_full", rows=4)
    total = LedgerLine(model="flights", source="http", outcome="received", reason="", rows=4)
    for _ in range(5):
        sound.ledger.add([line, total])
    assert sound.database.integer("SELECT count(*) FROM ledger") <= 6
    dropped = [LedgerLine(model="flights", source="http", outcome="dropped", reason="queue_full", rows=20)]
    assert sorted(sound.ledger.lines(), key=repr) == sorted([*before, *dropped], key=repr)
    assert failed(sound) == []


CRASHED = """
import os, sys
from monitor.store import Store
from monitor.types import LedgerLine
store = Store.open(sys.argv[1])
for number in range(20):
    outcomes = ("received", "stored")
    store.ledger.add([LedgerLine(model="m", source="http", outcome=o, reason="", rows=1) for o in outcomes])
os._exit(0)
"""


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_a_cut_write_ahead_log_is_noticed_for_good(path: Path, kept: float, caplog: pytest.LogCaptureFixture) -> None:
    subprocess.run([sys.executable, "-c", CRASHED, str(path)], check=True)
    log = path.with_name(path.name + ".wal")
    log.write_bytes(log.read_bytes()[: int(log.stat().st_size * kept)])
    with Store.open(path) as store:
        assert "acknowledged rows are missing: 20 groups were acknowledged" in caplog.text
        assert "nothing acknowledged was cut off" in failed(store)
        assert store.ledger.losses()[0].expected == 20
        store.ledger.add([LedgerLine(model="m", source="http", outcome="dropped", reason="x", rows=1)])
        assert store.ledger.last() == 21
    with Store.open(path) as store:
        assert "nothing acknowledged was cut off" in failed(store)
        assert len(store.ledger.losses()) == 1


def test_a_crash_without_damage_is_no_loss(path: Path) -> None:
    subprocess.run([sys.executable, "-c", CRASHED, str(path)], check=True)
    with Store.open(path) as store:
        assert (failed(store), store.ledger.last(), store.ledger.sealed()) == ([], 20, 20)


def test_a_torn_side_file_reads_as_nothing(tmp_path: Path) -> None:
    seal = Seal(tmp_path / "a.db")
    assert seal.read() == 0
    seal.write(12_345)
    assert seal.read() == 12_345
    seal.close()
    (tmp_path / "a.db.seq").write_bytes(b"\0\0")
    assert seal.read() == 0
