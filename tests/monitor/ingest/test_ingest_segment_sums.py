"""Labels are summed by segment whether they come before or after a row is let go, and taken back where they were."""

from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.profile.segment_sums import SEGMENTS, SegmentSums, read_segments
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Label, Model, ModelSchema, Sampling, Settings, Task, Window

START = datetime(2013, 5, 1, tzinfo=UTC)
NOW = START + timedelta(days=1)
EVER = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(
        Feature(name="x", kind=Kind.NUMERIC),
        Feature(name="sex", kind=Kind.CATEGORICAL, protected=True),
        Feature(name="face", kind=Kind.EMBEDDING),
    ),
)


def batch(first: int, count: int):
    rows = [
        Inference(
            id=f"r{number}",
            time=START + timedelta(minutes=number % 600),
            features={"x": float(number % 10), "sex": "FM"[number % 2], "face": [0.1, 0.2]},
            scores=((number % 7) / 7,),
        )
        for number in range(first, first + count)
    ]
    return conform(rows, SCHEMA, source="http", now=NOW)


def sums(store: Store, ingest: Ingest) -> SegmentSums:
    binning = store.catalog.binning("m")
    assert binning is not None
    pieces = ingest.pieces("m", EVER, columns=[SEGMENTS])
    counts = np.sum([counts.values.to_numpy() for counts in pieces["counts"]], axis=0)
    return read_segments(counts, SCHEMA, binning)


def test_labels_are_summed_before_and_after_rows_are_let_go() -> None:
    with Store.open(":memory:") as store:
        settings = Settings(sampling=Sampling(rate=0.0))
        store.catalog.put_model(Model(name="m", schema=SCHEMA, settings=settings, created=START))
        ingest = Ingest(store, ManualClock(NOW), flush_seconds=3600)
        ingest.start()
        try:
            reference = batch(10_000, 200).batch
            labels = ["yes" if number % 3 else "no" for number in range(200)]
            ingest.register_reference("m", "1", reference.append_column("_label", [labels]), Window(START, NOW))
            ingest.submit("m", batch(0, 100), None, source="http", received=100).result()
            known = [Label(id=f"r{number}", value="yes") for number in range(50)]
            ingest.submit("m", None, known, source="http", received=50).result()
            found = sums(store, ingest)
            x = [at for at, each in enumerate(found.segments) if each.feature == "x"]
            sex = {each.value: at for at, each in enumerate(found.segments) if each.feature == "sex"}
            assert {each.feature for each in found.segments} == {"x", "sex"}
            assert (found.sums("n")[x].sum(), found.sums("y")[sex["F"]], found.unkept) == (50, 25, 0)
            corrected = [Label(id=f"r{number}", value="no") for number in range(0, 50, 2)]
            ingest.submit("m", None, corrected, source="http", received=25).result()
            assert sums(store, ingest).sums("y")[[sex["F"], sex["M"]]].tolist() == [0, 25]
            store.rows.thins("m")
            ingest.thin()
            assert store.thinning.counts("m").kept == 0
            late = [Label(id=f"r{number}", value="yes") for number in range(50, 100)]
            ingest.submit("m", None, late, source="http", received=50).result()
            after = sums(store, ingest)
            assert (after.sums("n")[x].sum(), after.unkept) == (50, 50)
        finally:
            ingest.stop()


def test_the_reference_is_summed_too() -> None:
    with Store.open(":memory:") as store:
        store.catalog.put_model(Model(name="m", schema=SCHEMA, settings=Settings(), created=START))
        ingest = Ingest(store, ManualClock(NOW), flush_seconds=3600)
        ingest.start()
        try:
            labels = ["yes" if number % 3 else None for number in range(200)]
            reference = batch(0, 200).batch.append_column("_label", [labels])
            ingest.register_reference("m", "1", reference, Window(START, NOW))
            binning = store.catalog.binning("m")
            assert binning is not None
            pieces = store.profiles.reference("m", "1", columns=[SEGMENTS])
            counts = np.sum([each.values.to_numpy() for each in pieces["counts"]], axis=0)
            found = read_segments(counts, SCHEMA, binning)
            women = next(at for at, each in enumerate(found.segments) if each.value == "F")
            assert found.sums("n")[women] == sum(1 for number in range(0, 200, 2) if number % 3)
        finally:
            ingest.stop()
