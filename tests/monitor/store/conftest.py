"""A store in a file, a model in it, and rows for it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task

START = datetime(2013, 5, 1, tzinfo=UTC)
NOW = datetime(2014, 1, 1, tzinfo=UTC)

Batch = Callable[..., pa.Table]


@pytest.fixture
def schema() -> ModelSchema:
    features = (
        Feature(name="delay", kind=Kind.NUMERIC),
        Feature(name="carrier", kind=Kind.CATEGORICAL),
        Feature(name="seats", kind=Kind.INTEGER),
    )
    return ModelSchema(model="flights", task=Task.BINARY, classes=("on time", "late"), features=features)


@pytest.fixture
def model(schema: ModelSchema) -> Model:
    return Model(name="flights", schema=schema, settings=Settings(owner="ops", segments=("carrier",)), created=START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watch.db"


@pytest.fixture
def store(path: Path, model: Model) -> Iterator[Store]:
    with Store.open(path) as opened:
        opened.catalog.put_model(model)
        yield opened


@pytest.fixture
def batch(schema: ModelSchema) -> Batch:
    """Return canonical rows r<first>… , one a minute; the content follows from the number alone."""

    def make(first: int, rows: int, *, version: str = "1") -> pa.Table:
        inferences = []
        for number in range(first, first + rows):
            rng = np.random.default_rng(number)
            features = {"delay": rng.normal(), "carrier": "AB"[number % 2], "seats": number % 7}
            inferences.append(
                Inference(
                    id=f"r{number}",
                    version=version,
                    time=START + timedelta(minutes=number),
                    features=features,
                    scores=(float(rng.random()),),
                    latency_ms=3.0,
                )
            )
        return conform(inferences, schema, source="http", now=NOW).batch

    return make
