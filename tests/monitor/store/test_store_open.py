"""Opening a store: formats, owners, names that would break SQL."""

import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from monitor.errors import Conflict, InvalidInput, NotFound, Unavailable
from monitor.schema import conform
from monitor.store import Store, connection
from monitor.store.migrations import steps
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Task, Version, Window


def test_everything_is_there_after_reopening(path: Path, model: Model, batch) -> None:
    with Store.open(path) as store:
        store.catalog.put_model(model)
        store.rows.commit("flights", batch(0, 10), None)
    with Store.open(path) as store:
        assert store.catalog.model("flights") == model
        assert store.rows.last_seq("flights") == 10
        assert store.rows.commit("flights", batch(10, 5), None).first_seq == 11
        assert store.rows.inference("flights", "r3")["carrier"] == "B"


def test_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    with Store.open(path) as store:
        store.database.query("INSERT INTO migrations (number) VALUES (999)")
    with pytest.raises(Unavailable, match=r"format 999.*Upgrade"):
        Store.open(path)


def test_a_file_of_the_format_that_duckdb_chooses_by_itself_goes_on(
    path: Path, model: Model, batch, monkeypatch
) -> None:
    """As files were made before the format was set: they keep theirs, and hold old and new rows."""
    monkeypatch.setattr(connection, "_FORMAT", "v0.10.2")
    with Store.open(path) as store:
        store.catalog.put_model(model)
        store.rows.commit("flights", batch(0, 10), None)
        store.database.query("CHECKPOINT")
    monkeypatch.undo()
    for first in (10, 20):
        with Store.open(path) as store:
            assert store.rows.commit("flights", batch(first, 10), None).first_seq == first + 1
            store.database.query("CHECKPOINT")
    with Store.open(path) as store:
        assert [store.rows.inference("flights", f"r{at}")["_id"] for at in (3, 13, 23)] == ["r3", "r13", "r23"]
        assert store.rows.last_seq("flights") == 30


def test_each_migration_is_recorded_once(path: Path) -> None:
    for _ in range(2):
        with Store.open(path) as store:
            numbers = [row["number"] for row in store.database.rows("SELECT number FROM migrations")]
            assert numbers == [number for number, _ in steps()]


def test_a_failed_migration_leaves_nothing_behind(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import monitor.store.migrations as migrations

    known = migrations.steps()
    with Store.open(path):
        pass
    half = tmp_path / "half.sql"
    half.write_text("CREATE TABLE half (a INTEGER); SELECT * FROM no_such_table;")
    broken = [*known, (known[-1][0] + 1, half)]
    monkeypatch.setattr(migrations, "steps", lambda: broken)
    with pytest.raises(Exception, match="no_such_table"):
        Store.open(path)
    monkeypatch.setattr(migrations, "steps", lambda: known)
    with Store.open(path) as store:
        assert store.database.rows("SELECT * FROM duckdb_tables() WHERE table_name = 'half'") == []
        assert store.database.integer("SELECT max(number) FROM migrations") == known[-1][0]


def test_a_file_that_another_process_owns_says_so(path: Path, store: Store) -> None:
    program = f"from monitor.store import Store; Store.open({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "One process owns the file" in done.stderr


HOSTILE = ['a"; DROP TABLE models; --', "select", "</script>", "naïve 名", "it's", "a.b", "  ", "x" * 500, "%s ? $1"]


def test_hostile_feature_names_are_only_names(store: Store) -> None:
    features = tuple(Feature(name=name, kind=Kind.NUMERIC) for name in HOSTILE)
    schema = ModelSchema(model="hostile", task=Task.REGRESSION, features=features)
    store.catalog.put_model(replace(store.catalog.model("flights"), name="hostile", schema=schema))
    row = Inference(id="1", features=dict.fromkeys(HOSTILE, 1.5), prediction=2.0)
    taken = conform([row], schema, source="http", now=store.catalog.model("hostile").created)
    store.rows.commit("hostile", taken.batch, None)
    found = store.rows.inferences("hostile", where={HOSTILE[0]: 1.5}).to_pylist()[0]
    assert {name: found[name] for name in HOSTILE} == dict.fromkeys(HOSTILE, 1.5)
    assert len(store.catalog.models()) == 2


@pytest.mark.parametrize("names", [("a", "A"), ("straße", "STRASSE"), ("",), ("_seq",), ("_TIME",), ("_mine",)])
def test_names_that_cannot_be_told_apart_are_refused(store: Store, schema: ModelSchema, names: tuple[str, ...]) -> None:
    features = tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names)
    twins = replace(schema, model="twins", features=features)
    with pytest.raises(InvalidInput, match="rename the feature"):
        store.catalog.put_model(replace(store.catalog.model("flights"), name="twins", schema=twins))
    assert [known.name for known in store.catalog.models()] == ["flights"]
    with pytest.raises(NotFound):
        store.catalog.model("twins")


def test_a_schema_may_gain_and_lose_features(store: Store, schema: ModelSchema, batch) -> None:
    store.rows.commit("flights", batch(0, 2), None)
    gained = replace(schema, features=(*schema.features[1:], Feature(name="gate", kind=Kind.CATEGORICAL)))
    store.catalog.put_model(replace(store.catalog.model("flights"), schema=gained))
    store.rows.commit("flights", batch(2, 1).append_column("gate", pa.array(["B4"])), None)
    rows = store.rows.inferences("flights", descending=False).to_pylist()
    assert [row["gate"] for row in rows] == [None, None, "B4"]
    assert "delay" not in rows[0]
    store.catalog.put_model(replace(store.catalog.model("flights"), schema=schema))
    assert store.rows.inference("flights", "r0")["delay"] is not None


def test_a_column_keeps_its_type_and_a_model_its_task(store: Store, schema: ModelSchema) -> None:
    changed = replace(schema, features=(Feature(name="delay", kind=Kind.CATEGORICAL),))
    with pytest.raises(Conflict, match="another name"):
        store.catalog.put_model(replace(store.catalog.model("flights"), schema=changed))
    with pytest.raises(Conflict, match="Register another model"):
        store.catalog.put_model(replace(store.catalog.model("flights"), schema=replace(schema, task=Task.REGRESSION)))
    assert store.catalog.model("flights").schema == schema


@pytest.mark.parametrize("name", ["Flights", "a b", 'x"; DROP TABLE models; --', "", "../etc", "x" * 65])
def test_model_names_are_plain(store: Store, schema: ModelSchema, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.catalog.put_model(replace(store.catalog.model("flights"), name=name, schema=replace(schema, model=name)))
    with pytest.raises(InvalidInput, match="must agree"):
        store.catalog.put_model(replace(store.catalog.model("flights"), name="other"))


def test_a_damaged_file_says_so(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Unavailable, match="backup"):
        Store.open(path)


def test_a_file_with_flipped_bits_is_not_said_to_have_another_owner(path: Path, store: Store, batch) -> None:
    """DuckDB speaks of a damaged "block"; that holds the word by which a file in use is told."""
    store.rows.commit("flights", batch(0, 500), None)
    store.close()
    damaged = bytearray(path.read_bytes())
    for block in range(3 * 4096, len(damaged), 2**18):  # in each block: which are read on opening is DuckDB's affair
        damaged[block + 100] ^= 8
    path.write_bytes(damaged)
    with pytest.raises(Unavailable, match=r"[Cc]orrupt.*backup"):
        Store.open(path)


def test_every_kind_of_value_comes_back_as_it_was(store: Store) -> None:
    values: dict[Kind, list[object]] = {
        Kind.NUMERIC: [1.5, -0.0, math.inf, math.nan, None],
        Kind.INTEGER: [2**63 - 1, -(2**63), 0, 1, None],
        Kind.BOOLEAN: [True, False, True, False, None],
        Kind.CATEGORICAL: ["a", "", "a\x00b", "\u202e名", None],
        Kind.TEXT: ["x" * 100_000, "'; --", "\n", '"', None],
        Kind.TIMESTAMP: [datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 4, 11, 1, 2, 3, 456_789, tzinfo=UTC)]
        + [None] * 3,
        Kind.EMBEDDING: [[0.5, -1.0], [], [math.inf], [0.0] * 1000, None],
    }
    schema = ModelSchema(
        model="kinds", task=Task.REGRESSION, features=tuple(Feature(name=kind.value, kind=kind) for kind in values)
    )
    store.catalog.put_model(replace(store.catalog.model("flights"), name="kinds", schema=schema))
    sent = [
        Inference(
            id=str(row), features={kind.value: given[row] for kind, given in values.items()}, prediction=float(row)
        )
        for row in range(5)
    ]
    batch = conform(sent, schema, source="http", now=store.catalog.model("kinds").created).batch
    store.rows.commit("kinds", batch, None)
    found = store.rows.inferences("kinds", descending=False).select(batch.column_names)
    assert found.schema.equals(batch.schema.remove_metadata()) or found.schema.types == batch.schema.types
    assert repr(found.to_pylist()) == repr(batch.to_pylist()).replace("datetime.timezone.utc", ZONE)


ZONE = "zoneinfo.ZoneInfo(key='UTC')"


def test_versions_and_reference_rows(store: Store, batch) -> None:
    rows = batch(0, 300).append_column("_label", pa.array(["late"] * 299 + [None], pa.string()))
    created = store.catalog.model("flights").created
    store.catalog.put_version(Version(model="flights", version="2", created=created, endpoint={"url": "http://x"}))
    window = Window(created, rows["_time"].to_pylist()[-1])
    store.catalog.put_reference("flights", "2", rows, window)
    version = store.catalog.version("flights", "2")
    assert (version.reference, version.reference_rows, version.endpoint) == (window, 300, {"url": "http://x"})
    assert store.catalog.reference("flights", "2").num_rows == 300
    sample = store.catalog.reference("flights", "2", limit=20, seed=1)
    assert sample.equals(store.catalog.reference("flights", "2", limit=20, seed=1))
    assert not sample.equals(store.catalog.reference("flights", "2", limit=20, seed=2))
    store.catalog.put_reference("flights", "2", rows.slice(0, 10), window)
    assert store.catalog.reference("flights", "2")["_id"].to_pylist() == [f"r{n}" for n in range(10)]
    with pytest.raises(NotFound):
        store.catalog.version("flights", "3")


def test_no_query_can_reach_other_files(store: Store, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with pytest.raises(Exception, match="disabled"):
        store.database.query(f"SELECT * FROM '{secret}'")
