"""A small schema, and registered models on disk. Tests and the worker import the zoo's modules by name."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from explain.models import Allowed
from explain.service import ExplainService
from explain.worker import Limits, Worker
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.schema import conform, conform_reference
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task, Version, Window

sys.path.insert(0, str(Path(__file__).parent / "zoo"))

START = datetime(2013, 5, 1, tzinfo=UTC)

NUMBERS = ["delay", "seats", "spare"]
CLASSES = (
    *("Linear", "Network", "Classes", "Dies", "Hangs", "Hungry", "Broken", "NotFinite", "NoModule", "Absent"),
    *("Chatty", "Tells", "Silent", "Reseeds", "Mutates", "Exits", "Huge"),
)


@pytest.fixture(scope="session")
def allowed() -> Allowed:
    """Every class of the zoo."""
    return Allowed(classes=tuple(f"zoo_models:{name}" for name in CLASSES))


@pytest.fixture
def schema() -> ModelSchema:
    """Three numbers and a carrier."""
    return ModelSchema(
        model="flights",
        task=Task.BINARY,
        features=(
            Feature(name="carrier", kind=Kind.CATEGORICAL),
            Feature(name="delay", kind=Kind.NUMERIC),
            Feature(name="seats", kind=Kind.INTEGER),
            Feature(name="spare", kind=Kind.BOOLEAN),
        ),
        classes=("on time", "late"),
    )


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Return a function that saves a zoo model with seeded weights and returns its specification."""

    def save(name: str, seed: int = 0) -> dict[str, object]:
        import torch
        import zoo_models
        from safetensors.torch import save_file

        model = getattr(zoo_models, name).from_config({"numbers": NUMBERS})
        draw = torch.Generator().manual_seed(seed)
        state = {
            key: (torch.randn(value.shape, generator=draw, dtype=torch.float64) / 10).to(value.dtype)
            for key, value in model.state_dict().items()
        }
        weights, config = tmp_path / f"{name}-{seed}.safetensors", tmp_path / f"{name}-{seed}.json"
        save_file(state, weights)
        config.write_text(json.dumps({"numbers": NUMBERS}))
        return {"adapter": "torch", "class": f"zoo_models:{name}", "weights": str(weights), "config": str(config)}

    return save


@pytest.fixture(scope="session")
def worker(allowed: Allowed) -> Iterator[Worker]:
    """One warm worker for all tests that leave it as it was."""
    started = Worker(allowed, Limits(seconds=300, memory_mb=2_048, threads=1))
    started.warm()
    yield started
    started.close()


@pytest.fixture
def v2_server() -> Iterator[Any]:
    """A served model that is a black box."""
    from zoo_server import V2Server

    server = V2Server()
    yield server
    server.close()


@pytest.fixture
def store(schema):
    with Store.open(":memory:") as opened:
        opened.catalog.put_model(Model(name="flights", schema=schema, settings=Settings(), created=START))
        yield opened


@pytest.fixture
def service(store, worker):
    """A service on the shared worker."""
    return ExplainService(store, Config(), ManualClock(START + timedelta(days=30)), [worker])


@pytest.fixture
def register(store, artifact, schema):
    """Return a function that registers a version of a zoo model."""

    def put(version="1", name="Network", **changed):
        spec = artifact(name, seed=int(version)) if name else None
        store.catalog.put_version(
            Version(**{"model": "flights", "version": version, "created": START, "artifact": spec, **changed})
        )
        return spec

    return put


@pytest.fixture
def capture(store, schema):
    """Return a function that stores rows r0, r1 … of a version."""

    def commit(count=30, version="1", seed=5, model="flights", prediction=None):
        from zoo_rows import make_rows

        rows, features = make_rows(count, seed), store.catalog.model(model).schema.features
        batch = conform(
            [
                Inference(
                    id=f"r{index}",
                    version=version,
                    time=START + timedelta(days=1, minutes=index),
                    features={feature.name: rows[feature.name][index] for feature in features},
                    scores=None if prediction else (0.4,),
                    prediction=prediction,
                )
                for index in range(count)
            ],
            store.catalog.model(model).schema,
            source="test",
            now=START + timedelta(days=2),
        ).batch
        store.rows.commit(model, batch, None)

    return commit


@pytest.fixture
def reference(store, schema):
    """Return a function that registers reference rows of a version."""

    def put(version="1", count=300, seed=9):
        from zoo_rows import make_rows

        rows = make_rows(count, seed) | {
            "id": [f"ref{index}" for index in range(count)],
            "at": [START - timedelta(hours=index) for index in range(count)],
            "score": np.random.default_rng(seed).random(count).tolist(),
        }
        batch = conform_reference(pa.table(rows), schema, time="at", id="id", scores="score", version=version)
        store.catalog.put_reference("flights", version, batch, Window(START - timedelta(days=30), START))

    return put
