"""Rows are profiled as they were committed, without reading them back; that must say the same as reading them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from monitor.ingest import Ingest
from monitor.profile.pieces import merge
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Label, Window

START, NOW = datetime(2013, 5, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)

YEAR = Window(START, START + timedelta(days=365))
ODD = [
    {
        "n": 0.5,
        "i": 3,
        "b": True,
        "c": "x",
        "t": "some words",
        "w": "2013-01-01T00:00:00Z",
        "e": [0.5, 1.0],
        "s": [1.0],
    },
    {"n": float("nan"), "i": -7, "b": False, "c": "\u00e9t\u00e9\u0000", "t": "", "e": [0.0, float("inf")], "s": []},
    {"n": -0.0, "i": "three", "b": 1, "c": None, "t": None, "w": "never", "e": None, "s": [2.0, 3.0]},
    {"n": float("-inf"), "i": None, "c": "new", "more": {"un": "known"}},
    {"n": 1e300, "i": 2**60, "b": None, "c": "x" * 3_000, "t": "\U0001f600 words", "e": [1.0, 2.0, 3.0]},
]


def test_rows_of_every_kind_are_profiled_alike_from_memory_and_from_the_store(tmp_path: Path, clock, model) -> None:
    kinds = {"n": "numeric", "i": "integer", "b": "boolean", "c": "categorical", "t": "text", "w": "timestamp"}
    kinds |= {"e": "embedding", "s": "sequence"}
    features = tuple(Feature(name=name, kind=Kind(kind)) for name, kind in kinds.items())
    model = replace(
        model, schema=replace(model.schema, features=features), settings=replace(model.settings, segments=("c",))
    )

    def rows(first: int, count: int) -> list[Inference]:
        return [
            Inference(id=f"r{n}", time=START + timedelta(minutes=20 * n), features=ODD[n % 5], scores=(n % 7 / 7,))
            for n in range(first, first + count)
        ]

    with Store.open(tmp_path / "watch.db") as store:
        store.catalog.put_model(model)
        ingest = Ingest(store, clock, flush_seconds=3600)
        ingest.start()
        before = conform(rows(1_000, 50), model.schema, source="http", now=NOW).batch
        before = before.append_column("_label", pa.array(["late", None] * 25, pa.string()))
        ingest.register_reference("flights", "1", before, Window(START, START + timedelta(days=60)))
        for first, count in ((0, 30), (30, 1), (31, 40)):
            labels = [Label(id=f"r{first}", value="late")]
            sent = conform(rows(first, count), model.schema, source="http", now=NOW)
            ingest.submit("flights", sent, labels, source="http", received=count + 1).result(120)
        assert len(store.rows.recent("flights", 0, store.rows.last_seq("flights"))) == 71
        memory = merge(ingest.pieces("flights", YEAR))
        assert store.rows.recent("flights", 0, store.rows.last_seq("flights")) is None, "they are let go of"
        ingest._queue.close()  # an abrupt end: what is in memory only is gone
    with Store.open(tmp_path / "watch.db") as store:
        assert merge(Ingest(store, clock).pieces("flights", YEAR)).equals(memory)
