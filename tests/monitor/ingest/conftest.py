"""A running ingest over a store in a file, and things to send it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.schema import Conformed, conform
from monitor.store import Store, verify
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task

START = datetime(2013, 5, 1, tzinfo=UTC)
NOW = datetime(2014, 1, 1, tzinfo=UTC)

Rows = Callable[..., Conformed]


@pytest.fixture
def schema() -> ModelSchema:
    features = (Feature(name="delay", kind=Kind.NUMERIC), Feature(name="carrier", kind=Kind.CATEGORICAL))
    return ModelSchema(model="flights", task=Task.BINARY, classes=("on time", "late"), features=features)


@pytest.fixture
def model(schema: ModelSchema) -> Model:
    return Model(name="flights", schema=schema, settings=Settings(segments=("carrier",)), created=START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watch.db"


@pytest.fixture
def store(path: Path, model: Model) -> Iterator[Store]:
    with Store.open(path) as opened:
        opened.catalog.put_model(model)
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ingest(store: Store, clock: ManualClock) -> Iterator[Ingest]:
    """Ends with the proof that everything adds up."""
    running = Ingest(store, clock)
    running.start()
    yield running
    running.stop()
    assert [check for check in verify(store) if not check.ok] == []


@pytest.fixture
def rows(schema: ModelSchema) -> Rows:
    """Return rows r<first>…, one a minute; the content follows from the number and ``shift``."""

    def make(first: int, count: int, *, version: str = "1", shift: float = 0.0, ids: bool = True) -> Conformed:
        inferences = []
        for number in range(first, first + count):
            rng = np.random.default_rng(number)
            inferences.append(
                Inference(
                    id=f"r{number}" if ids else None,
                    version=version,
                    time=START + timedelta(minutes=number),
                    features={"delay": rng.normal() + shift, "carrier": "ABC"[number % 3]},
                    scores=(float(rng.random()),),
                )
            )
        return conform(inferences, schema, source="http", now=NOW)

    return make
