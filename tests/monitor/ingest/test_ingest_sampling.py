"""Rows that are not kept change nothing about what is counted, profiled, measured or told apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.errors import NotFound
from monitor.ingest import Ingest
from monitor.ingest.live import FREEZE_ROWS
from monitor.profile.binning import NumericBins
from monitor.profile.pieces import merge
from monitor.schema import Conformed, conform
from monitor.schema.fate import place
from monitor.store import Store, verify
from monitor.types import Feature, Inference, Kind, Label, Model, ModelSchema, Sampling, Settings, Task, Window
from tests.monitor.ingest.conftest import NOW, START

EVER = Window(datetime(2000, 1, 1, tzinfo=START.tzinfo), datetime(2100, 1, 1, tzinfo=START.tzinfo))
FEATURES = (Feature(name="delay", kind=Kind.NUMERIC), Feature(name="carrier", kind=Kind.CATEGORICAL))
SCHEMAS = {
    Task.BINARY: ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=FEATURES),
    Task.MULTICLASS: ModelSchema(model="m", task=Task.MULTICLASS, classes=("a", "b", "c"), features=FEATURES),
    Task.REGRESSION: ModelSchema(model="m", task=Task.REGRESSION, features=FEATURES),
    Task.RANKING: ModelSchema(model="m", task=Task.RANKING, features=FEATURES, cutoff=2),
}
PLACE_OF_R1 = 2_723_269_810_571_866  # the first 13 hex digits that md5sum gives for watchglass:r1
KEEP_ALL = Settings(segments=("carrier", "delay"))


def some(schema: ModelSchema, first: int, count: int, *, version: str = "1") -> Conformed:
    """Rows r<first>… one a minute, whose content follows from their number."""
    out = []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        several = schema.task in (Task.MULTICLASS, Task.RANKING)
        scores = tuple(rng.dirichlet([1, 1, 1]).tolist()) if several else (float(rng.random()),)
        features = {"delay": [float(rng.normal()), None, float("nan")][number % 7 % 3], "carrier": "ABC"[number % 3]}
        out.append(
            Inference(
                id=f"r{number}", version=version, time=START + timedelta(minutes=number), features=features,
                scores=None if schema.task is Task.REGRESSION else scores,
                prediction=float(rng.normal()) if schema.task is Task.REGRESSION else None,
                latency_ms=float(rng.gamma(2)),
            )
        )  # fmt: skip
    return conform(out, schema, source="http", now=NOW)


def truth(schema: ModelSchema, number: int, turn: int = 0) -> Label:
    if schema.task is Task.RANKING:
        return Label(id=f"r{number}", value=(0.0, float(number % 2), float(turn % 3)))
    value = float(number % 5 + turn) if schema.task is Task.REGRESSION else schema.classes[(number + turn) % 2]
    return Label(id=f"r{number}", value=value)


@contextmanager
def running(
    path: Path | str, schema: ModelSchema, asked: Settings, *, clock: ManualClock | None = None, check: bool = True
) -> Iterator[tuple[Store, Ingest]]:
    with Store.open(path) as store:
        if not store.catalog.models():
            store.catalog.put_model(Model(name="m", schema=schema, settings=asked, created=START))
        ingest = Ingest(store, clock or ManualClock(NOW), flush_seconds=3600)
        ingest.start()
        try:
            yield store, ingest
        finally:
            ingest.stop()
        if check:
            assert [found for found in verify(store) if not found.ok] == []


def send(ingest: Ingest, batch: Conformed | None, labels: list[Label] | None = None) -> None:
    received = (0 if batch is None else batch.batch.num_rows) + len(labels or [])
    ingest.submit("m", batch, labels, source="http", received=received).result()


def refer(ingest: Ingest, schema: ModelSchema, count: int = 300) -> None:
    batch = some(schema, 100_000, count).batch
    numbers = schema.task is Task.REGRESSION
    batch = batch.append_column("_label", pa.nulls(count, pa.float64() if numbers else pa.string()))
    ingest.register_reference("m", "1", batch, Window(START, NOW))


def sums(ingest: Ingest) -> list[dict[str, Any]]:
    """Every profile, in one order; equal lists are equal bytes, for all in them are integers, names and extremes."""
    keys = [("version", "ascending"), ("segment", "ascending"), ("hour", "ascending"), ("column", "ascending")]
    return [row for row in merge(ingest.pieces("m", EVER)).sort_by(keys).to_pylist() if any(row["counts"])]


def play(ingest: Ingest, schema: ModelSchema, steps: list[tuple[str, int]]) -> None:
    """Rows, labels, corrections and thinning in the order the steps say."""
    refer(ingest, schema)
    sent = 0
    for what, number in steps:
        if what == "rows":
            send(ingest, some(schema, sent, number))
            sent += number
        elif what == "again" and sent:
            send(ingest, some(schema, max(0, sent - number), min(number, sent)))
        elif what == "thin":
            ingest.thin()
        else:
            send(ingest, None, [truth(schema, row, number) for row in range(0, sent + 5, 1 + number % 4)])
    ingest.thin()


STEPS = st.lists(
    st.tuples(st.sampled_from(["rows", "rows", "labels", "again", "thin"]), st.integers(1, 60)), min_size=2, max_size=7
)
POLICIES = st.builds(
    lambda rate, newest, days: Settings(
        segments=KEEP_ALL.segments, sampling=Sampling(rate=rate, newest=newest), keep_rows_days=days
    ),
    st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    st.sampled_from([None, 1, 20]),
    st.sampled_from([None, 200]),
)


@pytest.mark.parametrize("task", list(Task))
@given(steps=STEPS, policy=POLICIES)
@settings(max_examples=8, deadline=None)
def test_any_policy_gives_the_same_profiles_outcomes_and_fates(
    task: Task, steps: list[tuple[str, int]], policy: Settings
) -> None:
    schema = SCHEMAS[task]
    found = []
    for asked in (KEEP_ALL, policy):
        with running(":memory:", schema, asked) as (store, ingest):
            play(ingest, schema, steps)
            ages = store.rows.label_ages("m", EVER).to_pylist()
            found.append((sums(ingest), store.ledger.lines(), ages, store.thinning.counts("m").stored))
    assert found[0] == found[1]


def test_the_rows_kept_are_those_whose_ids_fall_below_the_rate_in_every_version() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.25))) as (store, ingest):
        refer(ingest, schema)
        for version in ("1", "2"):
            send(ingest, some(schema, 0, 400, version=version))
        ingest.thin()
        kept = store.rows.inferences("m", limit=1000)
        wanted = {f"r{number}" for number in range(400) if place(f"r{number}") < 0.25}
        for version in ("1", "2"):
            assert {row["_id"] for row in kept.to_pylist() if row["_version"] == version} == wanted
        counted = store.thinning.counts("m")
        assert (counted.kept, counted.thinned, counted.expired) == (2 * len(wanted), 800 - 2 * len(wanted), 0)
        assert counted.rate == pytest.approx(0.25, abs=0.08)


def test_a_place_follows_from_the_id_alone_and_places_are_spread_evenly() -> None:
    assert round(place("r1") * 2**52) == PLACE_OF_R1
    places = np.array([place(f"id-{number}") for number in range(4000)])
    assert np.histogram(places, 10, (0, 1))[0].min() > 330
    assert place("é") == place("é") != place("e")


def test_a_change_of_the_rate_holds_for_the_rows_after_it() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, KEEP_ALL) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 100))  # not thinned yet when the setting changes
        model = store.catalog.model("m")
        store.catalog.put_model(replace(model, settings=replace(KEEP_ALL, sampling=Sampling(rate=0.0))))
        send(ingest, some(schema, 100, 50))
        store.catalog.put_model(replace(model, settings=KEEP_ALL))
        send(ingest, some(schema, 150, 50))
        ingest.thin()
        ids = set(store.rows.inferences("m", limit=1000)["_id"].to_pylist())
    assert ids == {f"r{number}" for number in [*range(100), *range(150, 200)]}


def test_the_newest_rows_are_kept_and_old_ones_go_by_their_age() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(newest=30))) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 100))
        ingest.thin()
        assert set(store.rows.inferences("m", limit=1000)["_id"].to_pylist()) == {f"r{n}" for n in range(70, 100)}
    with running(":memory:", schema, Settings(keep_rows_days=244)) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 3000))  # two days; the bound falls after one
        ingest.thin()
        assert store.rows.count("m") == 3000 - 1440
        assert store.thinning.counts("m").why == {"aged": 1440}


def test_nothing_is_let_go_before_it_is_profiled() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.0))) as (store, ingest):
        send(ingest, some(schema, 0, 100))
        ingest.thin()
        assert store.rows.count("m") == 100, "there are no bins yet, so nothing is profiled"
        send(ingest, some(schema, 100, FREEZE_ROWS))
        ingest.thin()
        assert store.rows.count("m") == 0
        assert sum(row["counts"][0] >= 0 for row in sums(ingest)) > 0


def test_after_the_label_deadline_rows_are_only_counted_and_still_all_add_up() -> None:
    schema, clock = SCHEMAS[Task.BINARY], ManualClock(NOW)
    asked = Settings(sampling=Sampling(rate=0.5), label_deadline_days=7)
    with running(":memory:", schema, asked, clock=clock) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 200))
        ingest.thin()
        before, profiles = store.thinning.counts("m"), sums(ingest)
        known = len(store.rows._known("m").rows)
        clock.advance(NOW + timedelta(days=8))
        ingest.thin()
        after = store.thinning.counts("m")
        assert (after.kept, after.thinned, after.expired) == (before.kept, 0, before.thinned)
        assert after.why == before.why
        assert sums(ingest) == profiles
        assert known - len(store.rows._known("m").rows) == before.thinned, "their ids take no memory any more"


def test_a_row_not_kept_says_so_and_how_to_keep_such_rows() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.0))) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 10))
        ingest.thin()
        with pytest.raises(NotFound, match=r"profiled and counted, but its row was not kept.*settings\.sampling\.rate"):
            store.rows.inference("m", "r3")
        with pytest.raises(NotFound, match="There is no inference 'r99'"):
            store.rows.inference("m", "r99")


def test_other_segments_hold_from_then_on_where_rows_are_gone_and_count_every_row_after() -> None:
    schema = SCHEMAS[Task.BINARY]
    asked = Settings(segments=("carrier",), sampling=Sampling(rate=0.1))
    with running(":memory:", schema, asked) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 120))
        ingest.thin()
        before = sums(ingest)
        store.catalog.put_model(replace(store.catalog.model("m"), settings=replace(asked, segments=("delay",))))
        assert sums(ingest) == before, "nothing that was counted is forgotten"
        send(ingest, some(schema, 120, 60))
        send(ingest, None, [truth(schema, number) for number in range(180)])
        outcomes = [row for row in sums(ingest) if row["column"] == "_outcome"]
        by_segment = {
            which: sum(sum(row["counts"][:6]) for row in outcomes if str(row["segment"]).startswith(which))
            for which in ("all", "carrier=", "delay=")
        }
    assert by_segment == {"all": 180, "carrier=": 120, "delay=": 60}


def test_a_late_reference_profiles_again_what_is_left_and_every_row_still_counts() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.1))) as (store, ingest):
        send(ingest, some(schema, 0, FREEZE_ROWS))
        ingest.thin()
        kept = store.rows.count("m")
        refer(ingest, schema)
        send(ingest, None, [truth(schema, number) for number in range(50)])
        binning = store.catalog.binning("m")
        assert binning is not None
        rows = {}
        for name in ("_latency_ms", "_score", "delay"):
            bins = binning.columns[name]
            found = [row for row in sums(ingest) if row["column"] == name and row["segment"] == "all"]
            assert isinstance(bins, NumericBins)
            rows[name] = sum(int(np.sum(row["counts"][: bins.HEAD + len(bins.edges) + 1])) for row in found)
    assert rows == {"_latency_ms": FREEZE_ROWS, "_score": FREEZE_ROWS, "delay": kept}


def test_what_is_thinned_survives_a_restart_and_is_still_recognised(tmp_path: Path) -> None:
    schema = SCHEMAS[Task.BINARY]
    asked = Settings(sampling=Sampling(rate=0.2))
    with running(tmp_path / "w.db", schema, asked) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 100))
        ingest.thin()
        before, kept = sums(ingest), store.rows.count("m")
    with running(tmp_path / "w.db", schema, asked) as (store, ingest):
        assert sums(ingest) == before
        send(ingest, some(schema, 0, 100))
        send(ingest, None, [truth(schema, number) for number in range(100)])
        assert store.rows.count("m") == kept
        duplicates = {line.outcome: line.rows for line in store.ledger.lines("m") if line.source == "http"}
        assert duplicates["duplicate"] == 100
        assert sum(row["column"] == "_outcome" for row in sums(ingest)) > 0


def test_verify_finds_a_row_let_go_against_the_policy_and_one_that_is_gone() -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.5)), check=False) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 100))
        ingest.thin()
        assert all(check.ok for check in verify(store))
        store.database.query("UPDATE sampling SET rate = 0.4")
        assert [check.name for check in verify(store) if not check.ok] == ["m: rows are kept as the sampling says"]
        store.database.query("UPDATE sampling SET rate = 0.5")
        store.database.query("DELETE FROM narrow.m WHERE _seq = (SELECT min(_seq) FROM narrow.m)")
        broken = [check.name for check in verify(store) if not check.ok]
        assert broken == ["m: rows stored are there", "m: every row is in its hour's profile once"]


def test_a_fault_in_the_middle_of_a_step_undoes_it_and_the_next_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = SCHEMAS[Task.BINARY]
    with running(":memory:", schema, Settings(sampling=Sampling(rate=0.5))) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 100))
        query = store.database.query

        def failing(statement: str, *given: Any, **tables: Any) -> pa.Table:
            if statement.startswith("DELETE FROM captured"):
                raise MemoryError
            return query(statement, *given, **tables)

        with monkeypatch.context() as broken, pytest.raises(MemoryError):  # noqa: PT012 - one call, under a fault
            broken.setattr(store.database, "query", failing)
            ingest.thin()
        assert (store.thinning.counts("m").kept, store.thinning.counts("m").thinned) == (100, 0)
        assert [check for check in verify(store) if not check.ok] == []
        ingest.thin()
        assert 0 < store.thinning.counts("m").kept < 100


def test_thinning_goes_on_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.thinning.STEP", 7)
    schema = SCHEMAS[Task.BINARY]
    asked = Settings(sampling=Sampling(rate=0.5, newest=20), label_deadline_days=1)
    clock = ManualClock(NOW)
    with running(":memory:", schema, asked, clock=clock) as (store, ingest):
        refer(ingest, schema)
        send(ingest, some(schema, 0, 300))
        ingest.thin()
        assert store.rows.count("m") == 20
        clock.advance(NOW + timedelta(days=2))
        ingest.thin()
        assert store.thinning.counts("m").expired == 280
