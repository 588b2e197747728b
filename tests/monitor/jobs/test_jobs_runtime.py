"""Device time and memory of a window: measured where rows carry them, and nothing more where they do not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.api.wishes import metrics
from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.jobs import JobContext
from monitor.jobs.quality import QualityJob
from monitor.jobs.traffic import TrafficJob
from monitor.schema import conform, conform_reference
from monitor.store import Store, verify
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task, Window

START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
ROWS = 400


@pytest.fixture(params=[True, False], ids=["with a device", "without"])
def measured(request: pytest.FixtureRequest, tmp_path: Path):
    """What the jobs measure of a day of rows, half of which say what computed them; and those rows."""
    rng = np.random.default_rng(3)
    schema = ModelSchema(
        model="m", task=Task.BINARY, classes=("0", "1"), features=(Feature(name="x", kind=Kind.NUMERIC),)
    )
    ran = rng.lognormal(1, 0.5, ROWS), rng.uniform(200, 900, ROWS)
    said = [
        {"device": "cuda:0", "device_ms": time, "memory_mb": memory} if request.param and row % 2 else {}
        for row, (time, memory) in enumerate(zip(*ran, strict=True))
    ]
    rows = [
        Inference(
            id=str(row),
            time=START + timedelta(seconds=200 * row),
            features={"x": float(row)},
            scores=(0.5,),
            latency_ms=1.0,
            **said[row],
        )
        for row in range(ROWS)
    ]
    clock = ManualClock(DAY.end)
    with Store.open(tmp_path / "store") as store:
        model = Model(name="m", schema=schema, settings=Settings(), created=START)
        store.catalog.put_model(model)
        ingest = Ingest(store, clock)
        ingest.start()
        batch = conform(rows, schema, source="t", now=DAY.end)
        table = batch.batch.select(["x", "_scores", "_time"])
        reference = conform_reference(table, schema, time="_time", scores="_scores", now=DAY.end)
        ingest.register_reference("m", "1", reference, DAY)
        ingest.submit("m", batch, source="t", received=ROWS).result(120)
        context = JobContext(store=store, pieces=ingest.pieces, clock=clock, data_dir=tmp_path, base_url="http://x")
        found = [*TrafficJob().run(context, model, DAY), *QualityJob().run(context, model, DAY)]
        ingest.stop()
        assert all(check.ok for check in verify(store))
    return request.param, found, [part[1::2] for part in ran]


def test_percentiles_of_the_rows_that_say_it(measured) -> None:
    told, found, (times, memory) = measured
    by_metric = {each.metric: each for each in found if each.metric.startswith("traffic.device")}
    if not told:
        assert by_metric == {}
        return
    for name, values, unit in (("device_time", times, "ms"), ("device_memory", memory, "MiB")):
        for level, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            given = by_metric[f"traffic.{name}_{level}"]
            assert given.value == pytest.approx(np.quantile(values, q), rel=0.12)
            assert (given.rows, given.details["unit"]) == (ROWS // 2, unit)


def test_they_are_no_columns_of_the_model(measured) -> None:
    """No fault is looked for in them; rules may watch them."""
    _, found, _ = measured
    assert not {each.feature for each in found} & {"_device_ms", "_memory_mb"}
    assert {"traffic.device_time_p95", "traffic.device_memory_p99"} <= set(metrics(Task.BINARY))
